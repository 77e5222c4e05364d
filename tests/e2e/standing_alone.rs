//! Standalone: no server, from a file to a search.

use std::{fs, io::Write, path::Path};

use serde_json::{Value, json};

use crate::given::{Program, Role, nginx, program, settings, turn, until};

fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().create(true).append(true).open(path).expect("the log file");
    file.write_all(text.as_bytes()).expect("writing");
}

async fn total(program: &Program, query: &str) -> u64 {
    let answer = program.get(&format!("/api/search?q={query}")).await.unwrap_or_default();
    serde_json::from_str::<Value>(&answer).ok().and_then(|answer| answer["total"].as_u64()).unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_watched_directory_of_tasks_are_found_by_their_fields() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    fs::create_dir(home.path().join("tasks")).expect("a directory");
    let mut alone = Program::start(Role::Standalone, home.path(), "collector.toml", &settings::standalone(home.path()));
    alone.ready().await;
    // With no task it says what to do.
    assert!(alone.log().contains("tasks"), "{}", alone.log());

    let file = home.path().join("access.log");
    append(&file, &(0..100).map(|i| nginx::line(i) + "\n").collect::<String>());
    let task = json!([{"path": file, "topic": "web", "plugins": [{"path": "nginx"}]}]);
    fs::write(home.path().join("tasks/web.json"), task.to_string()).expect("the task");
    until("every line", async || total(&alone, "").await == 100).await;
    assert_eq!(total(&alone, "http.response.status_code:500").await, 20);
    assert_eq!(total(&alone, "http.response.status_code:%3E=404").await, 40);

    let output = program::run(&[
        "search",
        "http.response.status_code:500",
        "--server",
        &alone.address(),
        "--json",
        "--limit",
        "3",
    ]);
    let lines = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.lines().all(|line| line.contains("\"status_code\":500")), "{lines}");
    let page = alone.get("/").await.expect("the page");
    assert!(page.contains("<input"), "{page}");
    assert!(alone.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_found_once_after_many_kills() {
    let _turn = turn::together().await;
    let home = tempfile::tempdir().expect("a directory");
    let tasks = home.path().join("tasks");
    fs::create_dir(&tasks).expect("a directory");
    let file = home.path().join("app.log");
    fs::write(tasks.join("app.json"), json!([{"path": file, "topic": "app"}]).to_string()).expect("the task");
    let mut alone = Program::start(Role::Standalone, home.path(), "collector.toml", &settings::standalone(home.path()));
    let mut written = 0;
    for round in 0..12u64 {
        append(&file, &(written..written + 2_000).map(|i| format!("number{i} of many\n")).collect::<String>());
        written += 2_000;
        // Let some of them through, each round to another point.
        until("some lines", async || total(&alone, "").await * 10 >= written * round % 10).await;
        alone.kill();
        alone.start_again();
    }
    until("every line", async || total(&alone, "").await >= written).await;
    assert_eq!(total(&alone, "").await, written, "lines were doubled");
    for number in [0, 1, 1_999, 2_000, written - 1] {
        assert_eq!(total(&alone, &format!("number{number}")).await, 1, "line {number}");
    }
    assert!(alone.terminate().await.success());
    alone.start_again();
    until("every line after a clean end", async || total(&alone, "").await == written).await;
    alone.kill();
}
