//! The command line of `collector plugin …`, but for `run`.

use std::path::PathBuf;

use clap::Args;

/// `collector plugin new`.
#[derive(Debug, Args, Clone)]
pub struct NewArgs {
    /// The plugin's name, or the path of the folder to make.
    #[arg(value_name = "NAME")]
    pub path: PathBuf,
    /// Make a filter, which changes or drops events, instead of a parser of lines.
    #[arg(long)]
    pub filter: bool,
    /// The folder of the crate collector-plugin [default: plugins/sdk of the checkout that holds this program or the working directory].
    #[arg(long, value_name = "PATH")]
    pub sdk: Option<PathBuf>,
}

/// `collector plugin build`.
#[derive(Debug, Args, Clone)]
pub struct BuildArgs {
    /// The plugin's folder.
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
    /// The file to write [default: NAME.wasm in the plugin's folder].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How it is opened to be checked.
    #[command(flatten)]
    pub opening: OpeningArgs,
}

/// How a plugin is opened.
#[derive(Debug, Args, Clone, Default)]
pub struct OpeningArgs {
    /// Its configuration, as JSON.
    #[arg(long, value_name = "JSON", value_parser = parse_json)]
    pub config: Option<serde_json::Value>,
    /// A data file by the name under which the plugin asks for it.
    #[arg(long = "asset", value_name = "NAME=FILE", value_parser = parse_asset)]
    pub assets: Vec<(String, PathBuf)>,
}

/// `collector plugin check`.
#[derive(Debug, Args, Clone)]
pub struct CheckArgs {
    /// The files; a bare name is looked up in the plugin directories.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How each is opened.
    #[command(flatten)]
    pub opening: OpeningArgs,
}

/// `collector plugin test`.
#[derive(Debug, Args, Clone)]
pub struct TestArgs {
    /// The plugin's folder, which is built first, or a .wasm file, or a bare name.
    #[arg(value_name = "FILE|DIR", default_value = ".")]
    pub plugin: PathBuf,
    /// A folder with more lines: *.log, *.expected.ndjson, *.config.json [default: samples/ in the plugin's folder, or beside the file].
    #[arg(long, value_name = "DIR")]
    pub samples: Option<PathBuf>,
    /// The seed of everything that is drawn by chance.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How it is opened for lines that name no configuration of their own.
    #[command(flatten)]
    pub opening: OpeningArgs,
}

/// `collector plugin bench`.
#[derive(Debug, Args, Clone)]
pub struct BenchArgs {
    /// The plugin: a .wasm file or a bare name.
    #[arg(value_name = "FILE")]
    pub plugin: PathBuf,
    /// The lines.
    #[arg(value_name = "LOGFILE")]
    pub lines: PathBuf,
    /// The plugin's folder: its source is compiled for this machine too, and timed beside it [default: the file's folder, where that is the plugin's].
    #[arg(long, value_name = "DIR")]
    pub native: Option<PathBuf>,
    /// How often it is measured; the medians are printed.
    #[arg(long, value_name = "N", default_value_t = 11, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// How it is opened.
    #[command(flatten)]
    pub opening: OpeningArgs,
}

fn parse_json(text: &str) -> Result<serde_json::Value, String> {
    serde_json::from_str(text).map_err(|error| format!("it is to be JSON: {error}"))
}

fn parse_asset(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("write the asset's name, '=' and its file: city=GeoLite2-City.mmdb".to_owned()),
    }
}
