//! Sentences about sets.

use super::disguise::plural;
use crate::Validity;
use crate::history::{History, Op};
use crate::sentence::{counted, folded, listed, time, without_times};
use crate::set_full::{Disguised, Lost, OddRead, Oddity, SetFull};

impl SetFull {
    /// The reason why it is not valid.
    pub fn reason(&self) -> Option<String> {
        match (self.valid, &self.disguised, self.null_reads) {
            (Validity::Valid, ..) => None,
            (Validity::Unknown, ..) => Some(self.lack_of_reads()),
            (Validity::Invalid, Some(disguised), _) => Some(self.disguised(disguised)),
            (Validity::Invalid, None, None) => Some(self.lost()),
            (Validity::Invalid, None, Some(count)) => {
                Some(format!("{}; {}", self.lost(), self.nulls(count)))
            }
        }
    }

    fn lost(&self) -> String {
        let elements = listed(self.lost.iter().map(|lost| &lost.element));
        let values = counted(self.lost.len() as u64, "value");
        format!("{values} known to a node and then lost: {elements}")
    }

    /// That all lost elements are in reads as something else.
    fn disguised(&self, Disguised { how, origin, found }: &Disguised) -> String {
        let those = match self.lost.len() {
            1 => "the lost value is".to_owned(),
            all => format!("all {all} lost values are"),
        };
        let as_what = how.map_or("values of other types", plural);
        let (origin, found) = (origin.json(), found.json());
        format!("{those} in reads as {as_what}: {origin} was added, and reads have {found}")
    }

    /// The reason why nobody can tell whether what was added is kept.
    fn lack_of_reads(&self) -> String {
        let values = match self.attempt_count as u64 {
            0 => return "clients sent no value, so none was there to be kept or lost".to_owned(),
            1 => "the value that was sent is".to_owned(),
            count => format!("the {} that were sent are", counted(count, "value")),
        };
        let reads = match (self.evidence.judged as u64, self.null_reads) {
            (0, _) => "no read succeeded".to_owned(),
            (_, Some(count)) => self.nulls(count),
            (1, _) => "the only read that succeeded returned no value".to_owned(),
            (count, _) => {
                format!("none of {} that succeeded returned a value", counted(count, "read"))
            }
        };
        format!("{reads}, so nobody knows whether {values} kept")
    }

    /// The number of reads that answered null.
    fn nulls(&self, count: usize) -> String {
        let whose = match (count, self.evidence.judged) {
            (1, 1) => "the only read".to_owned(),
            (count, all) if count == all => format!("all {all} reads"),
            (count, all) => format!("{count} of {all} reads"),
        };
        format!("{whose} answered null in place of a list, which is taken for an empty one")
    }

    /// Warnings of what upstream overlooks: foreign elements, duplicates within a read, reads of no
    /// list, and what was lost with its nodes.
    pub fn warnings(&self, history: &History) -> Vec<String> {
        let kinds = self.odd_reads.chunk_by(|one, next| kind(one) == kind(next));
        let odd = kinds.filter_map(|reads| {
            folded(reads.iter().map(|read| self.odd(read)), kind(reads.first()?))
        });
        odd.chain(without_times(history)).chain(self.with_killed_nodes()).collect()
    }

    fn odd(&self, OddRead { process, index, value, oddity }: &OddRead) -> String {
        let (value, add) = (value.json(), &self.add);
        let (read, at) = (format!("process {process} read {value}"), format!("at index {index}"));
        match oddity {
            Oddity::Foreign => format!("{read} {at}, but no {add} sent it"),
            Oddity::Repeated(times) => format!("{read} {times} times {at}"),
            Oddity::NoList => format!("{read} {at}, which is no list of elements"),
        }
    }

    /// A warning about the elements that were lost with their nodes, if there are any.
    pub(crate) fn with_killed_nodes(&self) -> Option<String> {
        let with_nodes = self.lost_with_nodes.as_ref().filter(|all| !all.is_empty())?.len();
        let those = match self.lost.len() {
            1 => "the lost value".to_owned(),
            all if all == with_nodes => format!("all {all} lost values"),
            all => format!("{with_nodes} of {all} lost values"),
        };
        Some(format!(
            "only nodes that were killed knew {those}: what is acknowledged survives a kill if it \
             is durable in storage before that, and read again after a restart"
        ))
    }
}

/// The plural of what is odd about a read.
fn kind(read: &OddRead) -> &'static str {
    match read.oddity {
        Oddity::Foreign => "elements that were never sent",
        Oddity::Repeated(_) => "elements that were read more than once at a time",
        Oddity::NoList => "reads of no list",
    }
}

/// That an element is missing from reads that should have it.
pub(crate) fn missing(history: &History, lost: &Lost, is_excused: bool) -> Option<String> {
    let (known, absent) = (history.op(lost.known)?, history.op(lost.first_absent)?);
    let how = if known.f == absent.f { "read by" } else { "acknowledged to" };
    let last_present = lost.last_present.and_then(|index| history.op(index));
    let is_other = |read: &&Op| history.completion(read).is_none_or(|end| end.index != known.index);
    let last_present = last_present.filter(is_other).map_or(String::new(), |read| {
        let (process, began) = (read.process, time(read));
        format!(" and last in the read by process {process} that began at {began}")
    });
    let excuse = if is_excused { "; only nodes that were killed had it" } else { "" };
    Some(format!(
        "value {}, {how} process {} at {}{last_present}, is missing from the read by process {} \
         that began at {}, and no later read has it{excuse}",
        lost.element.json(),
        known.process,
        time(known),
        absent.process,
        time(absent),
    ))
}

#[cfg(test)]
mod tests {
    use crate::Placement;
    use crate::edn::Value;
    use crate::set_full::{check, check_with_kills};
    use crate::testing::history;

    #[track_caller]
    fn check_reason(text: &str, expected: &str) {
        let set = check(&history(text), "add", "read");
        assert_eq!(set.reason().as_deref(), Some(expected), "{text}");
    }

    #[track_caller]
    fn check_warnings(text: &str, expected: &[&str]) {
        let history = history(text);
        assert_eq!(check(&history, "add", "read").warnings(&history), expected, "{text}");
    }

    #[test]
    fn what_reads_returned_is_told_where_nothing_is_known_or_something_is_lost() {
        let (add, null, empty) = (
            "0 invoke add 1\n0 ok add 1\n",
            "1 invoke read nil\n1 ok read nil\n",
            "1 invoke read nil\n1 ok read []\n",
        );
        let unknown = "so nobody knows whether the value that was sent is kept";
        let nulls = "answered null in place of a list, which is taken for an empty one";
        let lost = "1 value known to a node and then lost: 1";
        check_reason("", "clients sent no value, so none was there to be kept or lost");
        check_reason(add, &format!("no read succeeded, {unknown}"));
        check_reason(&format!("{null}{add}"), &format!("the only read {nulls}, {unknown}"));
        check_reason(&format!("{null}{null}{add}"), &format!("all 2 reads {nulls}, {unknown}"));
        check_reason(
            &format!("{empty}{add}"),
            &format!("the only read that succeeded returned no value, {unknown}"),
        );
        check_reason(
            &format!("{empty}{empty}{add}"),
            &format!("none of 2 reads that succeeded returned a value, {unknown}"),
        );
        check_reason(&format!("{empty}{add}{null}"), &format!("{lost}; 1 of 2 reads {nulls}"));
        // Here it is another read that shows the loss.
        check_reason(&format!("{null}{add}{empty}"), lost);
    }

    #[test]
    fn lost_values_that_come_back_as_something_else_are_told_as_that() {
        #[track_caller]
        fn check(read: &str, expected: &str) {
            let adds = "0 invoke add 0\n0 ok add 0\n0 invoke add 1\n0 ok add 1\n";
            check_reason(&format!("{adds}1 invoke read nil\n1 ok read {read}"), expected);
        }
        let all = |what: &str, first: &str| {
            format!("all 2 lost values are in reads as {what}: 0 was added, and reads have {first}")
        };
        check("[\"1\" \"0\"]", &all("strings", "\"0\""));
        check("[0.0 1.0]", &all("numbers with a fraction", "0.0"));
        check("[[0] [1]]", &all("arrays", "[0]"));
        check("[{\"message\" 0} {\"message\" 1}]", &all("objects", "{\"message\":0}"));
        check("[\"0\" [1]]", &all("values of other types", "\"0\""));
        let one = "the lost value is in reads as strings: 1 was added, and reads have \"1\"";
        check("[0 \"1\"]", one);
        // Some are nowhere.
        check("[\"0\" \"7\"]", "2 values known to a node and then lost: 0, 1");
    }

    #[test]
    fn what_upstream_overlooks_is_warned_of() {
        check_warnings("0 invoke add 1\n0 ok add 1\n1 invoke read nil\n1 ok read [1]", &[]);
        check_warnings(
            "0 invoke add 1
             0 ok add 1
             4 invoke read nil
             4 ok read [1 7 1 1]
             1 invoke read nil
             1 ok read [7 1 1]",
            &[
                "process 4 read 7 at index 3, but no add sent it",
                "process 4 read 1 3 times at index 3",
            ],
        );
        let odd = "process 0 read 7 at index 1, which is no list of elements";
        check_warnings("0 invoke read nil\n0 ok read 7", &[odd]);
    }

    #[test]
    fn many_warnings_are_shortened() {
        let elements = Value::Vector((0..20).map(Value::Int).collect());
        let folded = "process 0 read 0 at index 1, but no add sent it; and 19 more elements that \
                      were never sent";
        check_warnings(&format!("0 invoke read nil\n0 ok read {elements}"), &[folded]);
    }

    #[test]
    fn what_was_lost_with_its_nodes_is_warned_of() {
        let nodes = ["n0".to_owned()];
        let placement = Placement { nodes: &nodes, concurrency: 1 };
        let warnings = |kill: &str| {
            let lost = "0 invoke add 1\n0 ok add 1\n0 invoke add 2\n0 ok add 2\n";
            let later = "0 invoke read nil\n0 ok read [2]\n0 invoke read nil\n0 ok read []";
            let history = history(&format!("{lost}{kill}{later}"));
            check_with_kills(&history, "add", "read", &placement).warnings(&history)
        };
        assert_eq!(warnings(""), [""; 0]);
        assert_eq!(
            warnings("nemesis info kill {\"n0\" :killed}\n"),
            ["only nodes that were killed knew 1 of 2 lost values: what is acknowledged survives \
              a kill if it is durable in storage before that, and read again after a restart"]
        );
    }
}
