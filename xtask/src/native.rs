//! Native builds: the tools that C and C++ dependencies need, and cargo with its environment.

use std::process::Command;

use crate::debian::Tool;
use crate::{places, protoc};

/// What librdkafka and its OpenSSL need while they are built.
pub(crate) const KAFKA: [Tool; 4] = [
    Tool { command: "c++", packages: "g++" },
    Tool { command: "cmake", packages: "cmake" },
    Tool { command: "make", packages: "make" },
    Tool { command: "perl", packages: "perl" },
];

/// cargo in the workspace's root, with what the build scripts of dependencies read.
pub(crate) fn cargo(words: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new("cargo");
    command.args(words).current_dir(places::root()).envs(protoc::environment()?);
    Ok(command)
}
