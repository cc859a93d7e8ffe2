//! Judges a history: `cargo run -p eddy-checkers --example judge -- HISTORY [WORKLOAD]`.
//!
//! The exit status is that of `eddy analyze`: 0 valid, 1 not valid, 2 unknown, 254 wrong arguments.

use std::env;
use std::path::Path;
use std::process::ExitCode;

use eddy_checkers::history::file;
use eddy_checkers::judgement::{Mistakes, Standard};
use eddy_checkers::{ConsistencyModel, Placement, Validity, Workload};

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let judged = match &arguments[..] {
        [path] => judge(path, None),
        [path, workload] => judge(path, Some(workload)),
        _ => Err(format!("expected HISTORY [WORKLOAD], received {arguments:?}")),
    };
    ExitCode::from(match judged {
        Ok(Validity::Valid) => 0,
        Ok(Validity::Invalid) => 1,
        Ok(Validity::Unknown) => 2,
        Err(error) => {
            eprintln!("judge: {error}");
            254
        }
    })
}

/// Prints the verdict on a history, and what is against it; an error says what is wrong with the
/// arguments or the file.
fn judge(path: &str, workload: Option<&str>) -> Result<Validity, String> {
    let history = file::read(&file::find(Path::new(path))?)?;
    let workload: Workload = match workload {
        Some(name) => name.parse()?,
        None => Workload::of(&history).map_err(|error| format!("{path} {error}"))?,
    };
    let (placement, standard) = (Placement::unknown(&history), Standard::of(&history));
    let models = [ConsistencyModel::StrictSerializable];
    let mut judged = workload.judge(&history, &placement, &models, standard);
    println!("{workload}: {:?}", judged.valid());
    for reason in judged.reasons(&placement) {
        println!("because {reason}");
    }
    for line in &judged.verdict.explanation {
        println!("  {line}");
    }
    for contradiction in judged.contradictions(&history, &placement) {
        println!("contradiction: {}", contradiction.what);
    }
    for warning in judged.warnings(&placement, Mistakes::default(), None).all {
        println!("warning: {warning}");
    }
    Ok(judged.valid())
}
