//! JSON with two spaces of indent, keys in the order they came: diffs show what changed and nothing else.
//!
//! By hand, because a `serde_json::Value` sorts keys unless a feature is on that would then be on in every crate's tests.

/// Valid JSON in, the same JSON indented out, with a newline at the end.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut chars = text.chars().peekable();
    let mut depth = 0;
    while let Some(c) = chars.next() {
        match c {
            '"' => string(&mut chars, &mut out),
            '{' | '[' => {
                out.push(c);
                while chars.next_if(|c| c.is_whitespace()).is_some() {}
                // An empty object stays on its line.
                match chars.next_if(|c| matches!(c, '}' | ']')) {
                    Some(close) => out.push(close),
                    None => {
                        depth += 1;
                        line(&mut out, depth);
                    }
                }
            }
            '}' | ']' => {
                depth -= 1;
                line(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_whitespace() => {}
            c => out.push(c),
        }
    }
    out.push('\n');
    out
}

fn line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

fn string(chars: &mut impl Iterator<Item = char>, out: &mut String) {
    out.push('"');
    while let Some(c) = chars.next() {
        out.push(c);
        match c {
            '\\' => out.extend(chars.next()),
            '"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::json;

    #[test]
    fn order_and_strings_are_kept() {
        let text = r#"{"b":{},"a":[1,-2.5e3,"x: {\"y\", [z]}"],"c":[ ],"d":{"e":null,"f":true}}"#;
        let expected = "{\n  \"b\": {},\n  \"a\": [\n    1,\n    -2.5e3,\n    \"x: {\\\"y\\\", [z]}\"\n  ],\n  \"c\": [],\n  \"d\": {\n    \"e\": null,\n    \"f\": true\n  }\n}\n";
        assert_eq!(json(text), expected);
        assert_eq!(json(expected), expected, "what is pretty stays as it is");
    }

    #[test]
    fn it_is_what_serde_json_prints() {
        let text = r#"{"a":[{"b":"é\\"},[],{"c":[[1]]}]}"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(json(text), format!("{}\n", serde_json::to_string_pretty(&value).unwrap()));
    }
}
