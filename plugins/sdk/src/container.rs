//! What the path of a container's log says of the container.
//!
//! - `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/0.log`
//! - `/var/log/containers/POD_NAMESPACE_CONTAINER-ID.log`
//! - `/var/lib/docker/containers/ID/ID-json.log`

use crate::{Event, Field, Value};
use std::ops::Range;

/// What the manifest reads for it.
pub const META: &str = "@meta.path";

/// The fields that are set, in the order of [`Fields`].
pub const NAMES: [&str; 5] =
    ["kubernetes.namespace", "kubernetes.pod.name", "kubernetes.pod.uid", "kubernetes.container.name", "container.id"];

/// Fewest characters of a container's id.
const ID_BYTES_MIN: usize = 12;

/// Sets the fields of a container by the path of its log; what the path of the line before said is kept.
pub struct Container {
    first: Field,
    path: Vec<u8>,
    /// Where in the path each of the fields lies.
    parts: [Option<Range<usize>>; NAMES.len()],
}

impl Container {
    /// `first` is the field of the first of [`NAMES`]; the others were declared behind it.
    #[must_use]
    pub fn new(first: Field) -> Self {
        Self { first, path: Vec::new(), parts: Default::default() }
    }

    /// Sets what the path says; `path` is what was read of [`META`].
    #[inline]
    pub fn set(&mut self, path: Value<'_>, event: &mut Event<'_>) {
        let Value::Text(path) = path else {
            return;
        };
        if *path != *self.path {
            self.learn(path);
        }
        for (id, part) in (self.first.id()..).zip(&self.parts) {
            if let Some(text) = part.as_ref().and_then(|part| path.get(part.clone())) {
                event.text(Field::nth(id), text);
            }
        }
    }

    #[cold]
    fn learn(&mut self, path: &[u8]) {
        self.path = path.to_vec();
        self.parts = parts(path).unwrap_or_default();
    }
}

fn parts(path: &[u8]) -> Option<[Option<Range<usize>>; NAMES.len()]> {
    let mut segments = Vec::new();
    let mut start = 0;
    for segment in path.split(|byte| *byte == b'/') {
        segments.push(start..start + segment.len());
        start += segment.len() + 1;
    }
    let text = |segment: &Range<usize>| &path[segment.clone()];
    match segments.as_slice() {
        [.., pods, pod, container, _] if text(pods) == b"pods" => {
            let [namespace, name, uid] = split(path, pod.clone(), b'_')?;
            Some([Some(namespace), Some(name), Some(uid), Some(container.clone()), None])
        }
        [.., containers, id, _] if text(containers) == b"containers" && is_id(text(id)) => {
            Some([None, None, None, None, Some(id.clone())])
        }
        [.., containers, file] if text(containers) == b"containers" => {
            let end = file.start + text(file).windows(4).position(|end| end == b".log")?;
            let [name, namespace, container] = split(path, file.start..end, b'_')?;
            let dash = container.start + path[container.clone()].iter().rposition(|byte| *byte == b'-')?;
            let id = dash + 1..container.end;
            let known = is_id(text(&id));
            known.then_some([Some(namespace), Some(name), None, Some(container.start..dash), Some(id)])
        }
        _ => None,
    }
}

/// The three parts of a range between two separators, none of them empty.
fn split(path: &[u8], whole: Range<usize>, separator: u8) -> Option<[Range<usize>; 3]> {
    let mut at = whole.clone().filter(|at| path[*at] == separator);
    let (first, second) = (at.next()?, at.next()?);
    let parts = [whole.start..first, first + 1..second, second + 1..whole.end];
    (at.next().is_none() && parts.iter().all(|part| !part.is_empty())).then_some(parts)
}

fn is_id(id: &[u8]) -> bool {
    id.len() >= ID_BYTES_MIN && id.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> Option<[Option<&str>; 5]> {
        parts(path.as_bytes()).map(|parts| parts.map(|part| part.map(|part| &path[part])))
    }

    #[test]
    fn each_of_the_usual_paths_names_its_container() {
        let id = "4f1c2b3a4f1c2b3a4f1c2b3a4f1c2b3a4f1c2b3a4f1c2b3a4f1c2b3a4f1c2b3a";
        assert_eq!(
            read("/var/log/pods/shop_web-6d4b9_0f5c-11/nginx/0.log"),
            Some([Some("shop"), Some("web-6d4b9"), Some("0f5c-11"), Some("nginx"), None])
        );
        assert_eq!(
            read(&format!("/var/log/containers/web-6d4b9_shop_side-car-{id}.log")),
            Some([Some("shop"), Some("web-6d4b9"), None, Some("side-car"), Some(id)])
        );
        for file in ["json.log", "json.log.1"] {
            let path = format!("/var/lib/docker/containers/{id}/{id}-{file}");
            assert_eq!(read(&path), Some([None, None, None, None, Some(id)]));
        }
    }

    #[test]
    fn other_paths_say_nothing() {
        for path in [
            "",
            "/var/log/syslog",
            "/var/log/pods/shop_web/nginx/0.log",
            "/var/log/pods/_web_uid/nginx/0.log",
            "/var/log/pods/a_b_c_d/nginx/0.log",
            "/var/log/containers/web_shop_nginx.log",
            "/var/log/containers/web_shop_nginx-xyz.log",
            "/var/lib/docker/containers/short/x.log",
            "containers",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
    }
}
