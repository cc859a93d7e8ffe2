//! Checks a history: `cargo run -p eddy-checkers --example judge -- HISTORY [WORKLOAD]`.
//!
//! The exit status is that of `eddy analyze`: 0 valid, 1 not valid, 2 unknown, 254 wrong arguments.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use eddy_checkers::assessment::{Criteria, ProtocolWarnings};
use eddy_checkers::history::file;
use eddy_checkers::workload::{self, CheckContext};
use eddy_checkers::{ConsistencyModel, Placement, Validity, printable};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let judged = match &arguments[..] {
        [path] => judge(path, None),
        [path, workload] => judge(path, Some(workload)),
        _ => Err(format!("expected HISTORY [WORKLOAD], received {arguments:?}")),
    };
    let (valid, lines) = match judged {
        Ok(judged) => judged,
        Err(error) => {
            eprintln!("judge: {}", printable(&error));
            return ExitCode::from(254);
        }
    };
    for line in lines {
        // Values from nodes may contain control characters that a terminal would interpret.
        println!("{}", printable(&line));
    }
    ExitCode::from(match valid {
        Validity::Valid => 0,
        Validity::Invalid => 1,
        Validity::Unknown => 2,
    })
}

/// The verdict on a history, and lines with reasons, contradictions and warnings. An error
/// describes an error in the arguments or the file.
fn judge(path: &str, workload: Option<&str>) -> Result<(Validity, Vec<String>), String> {
    let history = file::read(&file::find(Path::new(path))?)?;
    let workload = match workload {
        Some(name) => workload::by_name(name, &workload::ALL)?,
        None => workload::recognize(&history, &workload::ALL)
            .map_err(|error| format!("{path} {error}"))?,
    };
    let (placement, criteria) = (Placement::inferred(&history), Criteria::of(&history));
    let models = [ConsistencyModel::StrictSerializable];
    let context = CheckContext { placement: &placement, models: &models };
    let judged = workload.judge(&history, &context, criteria);

    let mut lines = vec![format!("{}: {:?}", workload.name(), judged.valid())];
    lines.extend(judged.reasons(&placement).iter().map(|reason| format!("reason: {reason}")));
    lines.extend(judged.verdict.explanation.iter().map(|line| format!("  {line}")));
    for contradiction in judged.contradictions(&history, &placement) {
        lines.push(format!("contradiction: {}", contradiction.description));
    }
    let warnings = judged.warnings(&placement, ProtocolWarnings::default(), None).all;
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    Ok((judged.valid(), lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(recording: &str, expected: Validity, lines: &[&str]) {
        let path = format!("{}/tests/recordings/{recording}", env!("CARGO_MANIFEST_DIR"));
        let (valid, judged) = judge(&path, None).unwrap();
        assert_eq!(valid, expected, "{judged:#?}");
        assert!(
            judged.iter().zip(lines).all(|(line, start)| line.starts_with(start)),
            "{judged:#?}"
        );
        assert!(judged.len() >= lines.len(), "{judged:#?}");
    }

    #[test]
    fn the_verdict_and_its_reasons_are_printed() {
        check("lin-kv-1", Validity::Valid, &["lin-kv: Valid"]);
        check("lin-kv-3-broken", Validity::Invalid, &["lin-kv: Invalid", "reason: key 0 is"]);
    }
}
