//! SARIF 2.1.0, the format in which code hosts and editors take findings.

use serde_json::{Value, json};

use super::{Finding, Lint, Rule};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

pub(super) fn document(lint: &Lint) -> Value {
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "mo-migrate",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "rules": Rule::ALL.iter().map(|rule| described(*rule)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "results": lint.findings.iter().map(result).collect::<Vec<_>>(),
        }],
    })
}

fn described(rule: Rule) -> Value {
    json!({
        "id": rule.code(),
        "shortDescription": { "text": rule.finds() },
        "fullDescription": { "text": format!("{}: {}", rule.finds(), rule.why()) },
        "help": { "text": rule.why() },
        "defaultConfiguration": { "level": rule.level().as_str() },
    })
}

fn result(finding: &Finding) -> Value {
    let mut result = json!({
        "ruleId": finding.code,
        "level": finding.level.as_str(),
        "message": { "text": message(finding) },
    });
    if let Some(index) = Rule::ALL.iter().position(|rule| rule.code() == finding.code) {
        result["ruleIndex"] = index.into();
    }
    if let Some((path, line)) = place(finding) {
        let mut location = json!({ "artifactLocation": { "uri": uri(&path) } });
        if let Some(line) = line {
            location["region"] = json!({ "startLine": line });
        }
        result["locations"] = json!([{ "physicalLocation": location }]);
    }
    if let Some(reason) = &finding.allowed {
        result["suppressions"] = json!([{ "kind": "inSource", "justification": reason }]);
    }
    result
}

/// As plain text: a name can't make a link of itself, which SARIF writes as `[…](…)`.
fn message(finding: &Finding) -> String {
    let text = match &finding.instead {
        Some(instead) => format!("{}\ninstead: {instead}", finding.message),
        None => finding.message.clone(),
    };
    text.replace("](", "] (")
}

/// A function's place has its line in it.
fn place(finding: &Finding) -> Option<(String, Option<usize>)> {
    let place = finding.place.clone()?;
    if finding.line.is_some() {
        return Some((place, finding.line));
    }
    let split = place.rsplit_once(':').and_then(|(path, line)| Some((path, line.parse().ok()?)));
    Some(split.map_or_else(|| (place.clone(), None), |(path, line)| (path.to_owned(), Some(line))))
}

/// A path as a URI: relative to the working directory where it is below it.
fn uri(path: &str) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let path = std::path::Path::new(path);
    let relative = path.strip_prefix(&here).unwrap_or(path);
    let shown = relative.to_string_lossy().replace('\\', "/");
    let shown = shown.strip_prefix("./").unwrap_or(&shown);
    let encoded: String = shown.bytes().map(encoded).collect();
    if encoded.starts_with('/') { format!("file://{encoded}") } else { encoded }
}

fn encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}
