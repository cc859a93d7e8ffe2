//! Sentences about sets.

use super::type_change::plural_of_type;
use crate::Validity;
use crate::history::{History, Op};
use crate::set_full::{
    LostElement, ReadAnomaly, ReadAnomalyKind, SetFullResults, TypeChangeOfLost,
};
use crate::wording::{counted, first_and_count, list_first, missing_times_warning, time};

impl SetFullResults {
    /// The reason why it is not valid.
    pub fn reason(&self) -> Option<String> {
        match (self.valid, &self.lost_by_type_change, self.null_reads) {
            (Validity::Valid, ..) => None,
            (Validity::Unknown, ..) => Some(self.lack_of_reads()),
            (Validity::Invalid, Some(changed), _) => Some(self.type_change_reason(changed)),
            (Validity::Invalid, None, None) => Some(self.lost()),
            (Validity::Invalid, None, Some(count)) => {
                Some(format!("{}; {}", self.lost(), self.null_reads_clause(count)))
            }
        }
    }

    fn lost(&self) -> String {
        let elements = list_first(self.lost.iter().map(|lost| &lost.element));
        let values = counted(self.lost.len() as u64, "value");
        let verb = if self.lost.len() == 1 { "was" } else { "were" };
        format!("{values} {verb} lost after an acknowledgement or a read: {elements}")
    }

    /// The reason if all lost elements are in reads with another type.
    fn type_change_reason(
        &self,
        TypeChangeOfLost { change, origin, found }: &TypeChangeOfLost,
    ) -> String {
        let those = match self.lost.len() {
            1 => "the lost value was".to_owned(),
            all => format!("all of the {all} lost values were"),
        };
        let as_what = change.map_or("values of other types", plural_of_type);
        let (origin, found) = (origin.json(), found.json());
        format!("{those} read as {as_what}: {origin} was added, {found} was read")
    }

    /// The reason why it is unknown if elements were kept.
    fn lack_of_reads(&self) -> String {
        let values = match self.attempt_count as u64 {
            0 => return "no client sent a value, so none could be lost".to_owned(),
            1 => "the value that was sent is".to_owned(),
            count => format!("the {} that were sent are", counted(count, "value")),
        };
        let reads = match (self.evidence.judged as u64, self.null_reads) {
            (0, _) => "no read succeeded".to_owned(),
            (_, Some(count)) => self.null_reads_clause(count),
            (1, _) => "the only read that succeeded returned no value".to_owned(),
            (count, _) => {
                format!("none of {} that succeeded returned a value", counted(count, "read"))
            }
        };
        format!("{reads}, so it is unknown whether {values} kept")
    }

    /// A clause with the number of reads that returned null.
    fn null_reads_clause(&self, count: usize) -> String {
        let whose = match (count, self.evidence.judged) {
            (1, 1) => "the only read".to_owned(),
            (count, all) if count == all => format!("all of the {all} reads"),
            (count, all) => format!("{count} of {all} reads"),
        };
        format!("{whose} returned null instead of a list, which counts as an empty one")
    }

    /// Warnings of anomalies that upstream overlooks: unexpected elements, duplicates within a
    /// read, reads that are not lists, and elements that only killed nodes had.
    pub fn warnings(&self, history: &History) -> Vec<String> {
        let kinds =
            self.read_anomalies.chunk_by(|one, next| plural_of_kind(one) == plural_of_kind(next));
        let odd = kinds.filter_map(|reads| {
            first_and_count(
                reads.iter().map(|read| self.anomaly(read)),
                plural_of_kind(reads.first()?),
            )
        });
        odd.chain(missing_times_warning(history)).chain(self.killed_nodes_warning()).collect()
    }

    fn anomaly(&self, ReadAnomaly { process, index, value, kind }: &ReadAnomaly) -> String {
        let (value, add) = (value.json(), &self.add);
        let (read, at) = (format!("process {process} read {value}"), format!("at index {index}"));
        match kind {
            ReadAnomalyKind::Unexpected => format!("{read} {at}, but no {add} sent it"),
            ReadAnomalyKind::Duplicated(times) => format!("{read} {times} times {at}"),
            ReadAnomalyKind::NotAList => format!("{read} {at}, not a list"),
        }
    }

    /// A warning about the lost elements that only killed nodes had, if there are any.
    pub(crate) fn killed_nodes_warning(&self) -> Option<String> {
        let with_nodes = self.lost_with_killed_nodes.as_ref().filter(|all| !all.is_empty())?.len();
        let those = match self.lost.len() {
            1 => "the lost value".to_owned(),
            all if all == with_nodes => format!("all {all} lost values"),
            all => format!("{with_nodes} of {all} lost values"),
        };
        Some(format!(
            "only nodes that were killed later had {those}: to survive a kill, a value must be \
             durable before it is acknowledged, and must be read back after the restart"
        ))
    }
}

/// The plural noun for a kind of read anomaly.
fn plural_of_kind(read: &ReadAnomaly) -> &'static str {
    match read.kind {
        ReadAnomalyKind::Unexpected => "elements that were never sent",
        ReadAnomalyKind::Duplicated(_) => "elements that were read more than once at a time",
        ReadAnomalyKind::NotAList => "reads that returned no list",
    }
}

/// A sentence that reads lack a lost element.
pub(crate) fn missing_element(
    history: &History,
    lost: &LostElement,
    is_excused: bool,
) -> Option<String> {
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
    fn the_reason_counts_reads_if_nothing_is_known_or_values_are_lost() {
        let (add, null, empty) = (
            "0 invoke add 1\n0 ok add 1\n",
            "1 invoke read nil\n1 ok read nil\n",
            "1 invoke read nil\n1 ok read []\n",
        );
        let unknown = "so it is unknown whether the value that was sent is kept";
        let nulls = "returned null instead of a list, which counts as an empty one";
        let lost = "1 value was lost after an acknowledgement or a read: 1";
        check_reason("", "no client sent a value, so none could be lost");
        check_reason(add, &format!("no read succeeded, {unknown}"));
        check_reason(&format!("{null}{add}"), &format!("the only read {nulls}, {unknown}"));
        check_reason(
            &format!("{null}{null}{add}"),
            &format!("all of the 2 reads {nulls}, {unknown}"),
        );
        check_reason(
            &format!("{empty}{add}"),
            &format!("the only read that succeeded returned no value, {unknown}"),
        );
        check_reason(
            &format!("{empty}{empty}{add}"),
            &format!("none of 2 reads that succeeded returned a value, {unknown}"),
        );
        check_reason(&format!("{empty}{add}{null}"), &format!("{lost}; 1 of 2 reads {nulls}"));
        // Here another read shows the loss.
        check_reason(&format!("{null}{add}{empty}"), lost);
    }

    #[test]
    fn lost_values_that_return_with_another_type_are_reported_as_such() {
        #[track_caller]
        fn check(read: &str, expected: &str) {
            let adds = "0 invoke add 0\n0 ok add 0\n0 invoke add 1\n0 ok add 1\n";
            check_reason(&format!("{adds}1 invoke read nil\n1 ok read {read}"), expected);
        }
        let all = |what: &str, first: &str| {
            format!("all of the 2 lost values were read as {what}: 0 was added, {first} was read")
        };
        check("[\"1\" \"0\"]", &all("strings", "\"0\""));
        check("[0.0 1.0]", &all("floating-point numbers", "0.0"));
        check("[[0] [1]]", &all("arrays", "[0]"));
        check("[{\"message\" 0} {\"message\" 1}]", &all("objects", "{\"message\":0}"));
        check("[\"0\" [1]]", &all("values of other types", "\"0\""));
        let one = "the lost value was read as strings: 1 was added, \"1\" was read";
        check("[0 \"1\"]", one);
        // Some elements are in no read.
        check("[\"0\" \"7\"]", "2 values were lost after an acknowledgement or a read: 0, 1");
    }

    #[test]
    fn anomalies_that_upstream_overlooks_are_warnings() {
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
        let odd = "process 0 read 7 at index 1, not a list";
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
    fn values_that_only_killed_nodes_had_are_a_warning() {
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
            ["only nodes that were killed later had 1 of 2 lost values: to survive a kill, a \
              value must be durable before it is acknowledged, and must be read back after the \
              restart"]
        );
    }
}
