//! What to say of a file that no reader takes.

/// The bytes of a file that an error shows.
const SHOWN: usize = 16;

/// Beginnings of files that hold models in other formats: what they are, and what to do.
const OTHERS: &[(&[u8], &str)] = &[
    (b"\x08", "as ONNX models do; it may be damaged or truncated: copy it again"),
    (b"\x1f\x8b", "as gzip does; unpack it first"),
    (b"\x80", "as Python's pickles do; load it in Python and pass the object to monobloc.pack"),
    (b"\x89HDF", "as HDF5 does; export the model as ONNX with the library that wrote it"),
    (b"CBM1", "as CatBoost's binary files do; load it with CatBoost, and save_model(..., format=\"json\")"),
    (
        b"PK\x03\x04",
        "as ZIP archives do; a bloc is packed already, and PyTorch exports ONNX with torch.onnx.export",
    ),
    (
        b"binf",
        "as XGBoost's old binary files do; load it with the XGBoost that wrote it, and save_model it as .ubj",
    ),
];

/// What a file with these bytes was held against beside ONNX, what it begins with, and what to do: the rest of a
/// sentence that says that it is no model.
pub fn unrecognised(bytes: &[u8]) -> String {
    const READ: &str = "it is neither LightGBM's text, which begins with \"tree\", nor XGBoost's UBJSON or JSON, or \
                        CatBoost's JSON, which begin with \"{\"";
    const ADVICE: &str = "save the model with its library's save_model (.txt, .ubj, .json), export it as ONNX, or \
                          pack the fitted object from Python";
    if bytes.is_empty() {
        return format!("{READ}: it is empty; {ADVICE}");
    }
    let beginning = bytes[..bytes.len().min(SHOWN)].escape_ascii();
    match OTHERS.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        Some((_, what)) => format!("{READ}: it begins with \"{beginning}\", {what}"),
        None => format!("{READ}: it begins with \"{beginning}\"; {ADVICE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_the_file_begins_with() {
        let said = unrecognised(b"hello\0 world, and more");
        assert!(said.contains("\"hello\\x00 world, an\"; save the model"), "{said}");
        assert!(unrecognised(b"").contains("it is empty"));
    }

    #[test]
    fn knows_other_formats() {
        for (magic, what) in OTHERS {
            let said = unrecognised(&[magic, &b" and more"[..]].concat());
            assert!(said.ends_with(what) && said.contains("XGBoost's UBJSON"), "{said}");
        }
    }
}
