//! A short, fixed torture: ten faults that are over within a minute or two, by one seed. Only `cargo xtask torture`, which runs all of
//! them for long and has each negative control noticed, has three brokers, servers that are frozen or cut off, plugins that are swapped, trap or loop, and mappings that refuse.

use std::process::Command;

/// Minutes in which faults strike.
const MINUTES: &str = "0.7";
const FAULTS: &str = "agent killed,agent killed after journal,agent killed in checkpoint,transfer killed,\
                      transfer killed after bulk,produce answer lost,index answer lost,429 storm,kafka killed,etcd bad JSON";

#[test]
fn a_short_torture_loses_and_doubles_nothing() {
    let required = std::env::var("COLLECTOR_TEST_SERVERS").is_ok_and(|value| value == "required");
    let program = std::env::var_os("COLLECTOR_TORTURE_BIN");
    let (Some(program), true) = (program, std::env::var_os("SERVICES_DIR").is_some()) else {
        assert!(!required, "the torture is required, but COLLECTOR_TORTURE_BIN and SERVICES_DIR are not set");
        println!("skipped: the torture (no servers; `cargo xtask test` starts them)");
        return;
    };
    let mut torture = Command::new(env!("CARGO_BIN_EXE_collector-torture"));
    torture
        .args(["--minutes", MINUTES, "--seed", "1", "--faults", FAULTS, "--no-controls"])
        .env("COLLECTOR_BIN", program);
    let output = torture.output().expect("the torture runs");
    let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{complained}");
    assert!(said.trim_end().ends_with(": passed"), "{said}\n{complained}");
    assert!(!said.contains(" 0 times 409"), "no document was ever sent twice, so nothing was proved: {said}");
}
