//! Forms with a file (`multipart/form-data`, RFC 7578), read as they come: no more of a file is held than
//! arrived at once.

use axum::body::{Body, BodyDataStream, Bytes};
use futures::StreamExt;

/// The longest head of a part, in bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The longest boundary, in bytes (RFC 2046, 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// A form that is being read.
pub(crate) struct Parts {
    body: BodyDataStream,
    /// What stands between two parts.
    delimiter: Vec<u8>,
    /// Came and not handed out yet.
    held: Vec<u8>,
}

/// One field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// Where it is a file: what the browser calls it.
    pub(crate) file_name: Option<String>,
}

/// Why no more of a form can be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadForm {
    #[error("the form ended in the middle")]
    CutOff,
    #[error("this is no form with a file")]
    Malformed,
    #[error("the connection broke")]
    Broken(#[source] axum::Error),
}

impl Parts {
    /// The form in `body`, where its content type says that it is one.
    pub(crate) fn new(content_type: &str, body: Body) -> Result<Self, BadForm> {
        let (kind, parameters) = content_type.split_once(';').ok_or(BadForm::Malformed)?;
        if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
            return Err(BadForm::Malformed);
        }
        let boundary = parameter(parameters, "boundary").ok_or(BadForm::Malformed)?;
        if boundary.is_empty() || boundary.len() > BOUNDARY_BYTES_MAX {
            return Err(BadForm::Malformed);
        }
        Ok(Self {
            body: body.into_data_stream(),
            delimiter: format!("\r\n--{boundary}").into_bytes(),
            // The first delimiter begins the body, without the line end of those that follow.
            held: b"\r\n".to_vec(),
        })
    }

    /// The next field, or `None` at the end of the form. What is left of the one before is passed over.
    pub(crate) async fn next(&mut self) -> Result<Option<Part>, BadForm> {
        while self.chunk().await?.is_some() {}
        let start = self.delimiter.len();
        self.hold(start + 2).await?;
        match &self.held[start..start + 2] {
            b"--" => return Ok(None),
            b"\r\n" => {}
            _ => return Err(BadForm::Malformed),
        }
        loop {
            // The line end of the delimiter may be that of an empty head.
            if let Some(end) = find(&self.held[start..], b"\r\n\r\n") {
                let head = String::from_utf8_lossy(&self.held[start..start + end]).into_owned();
                self.held.drain(..start + end + 4);
                return part(&head).map(Some);
            }
            if self.held.len() > start + HEAD_BYTES_MAX {
                return Err(BadForm::Malformed);
            }
            self.more().await?;
        }
    }

    /// What comes next of the field's content; `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, BadForm> {
        loop {
            if let Some(end) = find(&self.held, &self.delimiter) {
                let content: Vec<u8> = self.held.drain(..end).collect();
                return Ok((!content.is_empty()).then(|| content.into()));
            }
            // The last bytes may be the beginning of a delimiter.
            let sure = (self.held.len() + 1).saturating_sub(self.delimiter.len());
            if sure > 0 {
                let content: Vec<u8> = self.held.drain(..sure).collect();
                return Ok(Some(content.into()));
            }
            self.more().await?;
        }
    }

    /// The content of a short field.
    pub(crate) async fn text(&mut self, bytes_max: usize) -> Result<String, BadForm> {
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            text.extend_from_slice(&chunk);
            if text.len() > bytes_max {
                return Err(BadForm::Malformed);
            }
        }
        String::from_utf8(text).map_err(|_| BadForm::Malformed)
    }

    async fn hold(&mut self, bytes: usize) -> Result<(), BadForm> {
        while self.held.len() < bytes {
            self.more().await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<(), BadForm> {
        match self.body.next().await {
            Some(Ok(bytes)) => {
                self.held.extend_from_slice(&bytes);
                Ok(())
            }
            Some(Err(error)) => Err(BadForm::Broken(error)),
            None => Err(BadForm::CutOff),
        }
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    // Most bytes are no line end, and a search for one byte is quick.
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|byte| *byte == wanted[0]) {
        if text[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

/// What the head of a part says of it.
fn part(head: &str) -> Result<Part, BadForm> {
    let line = head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.trim().eq_ignore_ascii_case("content-disposition");
        is_it.then_some(value)
    });
    let (kind, parameters) = line
        .and_then(|line| line.split_once(';'))
        .ok_or(BadForm::Malformed)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(BadForm::Malformed);
    }
    Ok(Part {
        name: parameter(parameters, "name").ok_or(BadForm::Malformed)?,
        file_name: parameter(parameters, "filename"),
    })
}

/// A parameter of a header, with or without quotes. Browsers write a quote within as `%22`.
fn parameter(mut parameters: &str, wanted: &str) -> Option<String> {
    loop {
        let (name, rest) = parameters.split_once('=')?;
        let rest = rest.trim_start();
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => rest
                .split_once(';')
                .map_or((rest, ""), |(value, rest)| (value, rest)),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value.trim_end().to_owned());
        }
        parameters = rest.trim_start().trim_start_matches(';');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW";

    fn form(file: &[u8]) -> Vec<u8> {
        let mark = "------WebKitFormBoundary7MA4YWxkTrZu0gW";
        let mut body = format!("{mark}\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\nabc\r\n{mark}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"пуск; a=b.ndjson\"\r\nContent-Type: application/octet-stream\r\n\r\n").into_bytes();
        body.extend_from_slice(file);
        body.extend_from_slice(format!("\r\n{mark}--\r\n").as_bytes());
        body
    }

    fn in_pieces(bytes: &[u8], size: usize) -> Body {
        let pieces: Vec<_> = bytes
            .chunks(size)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::copy_from_slice(piece)))
            .collect();
        Body::from_stream(futures::stream::iter(pieces))
    }

    /// The token and the file, or why not.
    async fn read(content_type: &str, body: Body) -> Result<(String, Vec<u8>), BadForm> {
        let mut parts = Parts::new(content_type, body)?;
        let first = parts.next().await?.ok_or(BadForm::Malformed)?;
        assert_eq!((first.name.as_str(), first.file_name), ("form_token", None));
        let token = parts.text(10).await?;
        let second = parts.next().await?.ok_or(BadForm::Malformed)?;
        assert_eq!(second.file_name.as_deref(), Some("пуск; a=b.ndjson"));
        let mut file = Vec::new();
        while let Some(chunk) = parts.chunk().await? {
            file.extend_from_slice(&chunk);
        }
        assert_eq!(parts.next().await?, None);
        Ok((token, file))
    }

    #[tokio::test]
    async fn a_file_comes_out_as_it_went_in_however_it_is_cut() {
        let tricky = b"\r\n--\r\n------WebKitFormBoundary7MA4YWxkTrZu0g\r\n\0\r\r\n";
        for file in [&b""[..], b"x", b"\r\n", tricky, &[0xff; 3000]] {
            for size in [1, 2, 3, 7, 64, 100_000] {
                let body = in_pieces(&form(file), size);
                let (token, read) = read(TYPE, body).await.expect("a form");
                assert_eq!((token.as_str(), read.as_slice()), ("abc", file), "{size}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_cut_off_or_no_form_is_refused() {
        let whole = form(b"{\"a\": 1}\n");
        for end in 0..whole.len() - 2 {
            let body = in_pieces(&whole[..end], 50);
            assert!(read(TYPE, body).await.is_err(), "cut off at {end}");
        }
        for content_type in [
            "",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "multipart/mixed; boundary=x",
            "application/x-www-form-urlencoded; boundary=x",
            &format!("multipart/form-data; boundary={}", "x".repeat(71)),
        ] {
            let body = in_pieces(&whole, 50);
            assert!(read(content_type, body).await.is_err(), "{content_type}");
        }
        for head in [
            "",
            "x",
            "Content-Disposition: form-data",
            "Content-Disposition: file; name=\"a\"",
            "Content-Disposition: form-data; name=\"a",
        ] {
            assert!(part(head).is_err(), "{head}");
        }
        // A head without an end fills no memory.
        let endless = format!("--x\r\n{}", "a: b\r\n".repeat(10_000));
        let body = in_pieces(endless.as_bytes(), 1000);
        let mut parts = Parts::new("multipart/form-data; boundary=x", body).expect("a form");
        assert!(parts.next().await.is_err());
    }
}
