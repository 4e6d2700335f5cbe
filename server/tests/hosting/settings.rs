//! Settings from environment variables.

use parlour_server::config::settings;

use crate::program::Program;

#[test]
fn empty_environment_variables_count_as_not_set() {
    let mut variables: Vec<_> = settings().iter().map(|setting| setting.variable).collect();
    variables.push("PARLOUR_CONFIG");
    for value in ["", " "] {
        // Alone, so that no variable is hidden by the first error.
        for variable in &variables {
            let mut program = Program::start_with(&["backup", "/nowhere/at/all"], &[(variable, value)]);
            let (_, errors) = program.end();
            // The settings are accepted; the new data directory has nothing to copy.
            assert!(errors.starts_with("There is no event log in "), "{variable}={value:?}: {errors}");
        }
    }
    let all: Vec<_> = variables.iter().map(|&variable| (variable, "")).collect();
    let mut program = Program::start_with(&["--listen", "127.0.0.1:0"], &all);
    program.address();
}

#[test]
fn flag_replaces_an_empty_environment_variable() {
    let mut program = Program::start_with(&["--keep-age", "soon"], &[("PARLOUR_KEEP_AGE", "")]);
    let (code, errors) = program.end();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("\"soon\" is not a length of time"), "{errors}");
}
