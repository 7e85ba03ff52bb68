//! The bytes of an archive: hashed as they are read, decompressed by what they begin with; compressed by what the file
//! is to be called.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};

use super::error::ArchiveError;
use crate::jail::JailError;
use crate::jail::tree::hexadecimal;

/// What archives may be compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// First bytes, and what they mean.
const MAGIC: [(&[u8], Result<Compression, &str>); 6] = [
    (b"\x1f\x8b", Ok(Compression::Gzip)),
    (b"\x28\xb5\x2f\xfd", Ok(Compression::Zstd)),
    (b"\xfd7zXZ\0", Err("xz")),
    (b"BZh", Err("bzip2")),
    (b"\x1f\x9d", Err("compress")),
    (b"LZIP", Err("lzip")),
];

impl Compression {
    /// By the name that a file ends with; `None` for one that says nothing of an archive.
    pub fn of_name(path: &Path) -> Option<Compression> {
        let name = path.file_name()?.to_str()?;
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        match () {
            () if ends(&[".tar"]) => Some(Compression::None),
            () if ends(&[".tar.gz", ".tgz"]) => Some(Compression::Gzip),
            () if ends(&[".tar.zst", ".tzst"]) => Some(Compression::Zstd),
            () => None,
        }
    }
}

/// A reader that remembers the sum of all it gave.
struct Summed {
    input: Box<dyn Read>,
    sum: Sha256,
}

#[derive(Clone)]
struct Shared(Rc<RefCell<Summed>>);

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut summed = self.0.borrow_mut();
        let got = summed.input.read(buffer)?;
        summed.sum.update(&buffer[..got]);
        Ok(got)
    }
}

/// The decompressed bytes of an archive.
pub struct Source {
    raw: Shared,
    plain: Box<dyn Read>,
}

impl Source {
    /// Opens a file, or standard input for `-`; and says how messages are to call it.
    pub fn open(path: &Path) -> Result<(Source, String), JailError> {
        let (input, archive): (Box<dyn Read>, String) = match path == Path::new("-") {
            true => (Box::new(io::stdin().lock()), "standard input".into()),
            false => {
                let doing = || format!("open {}", path.display());
                let file = File::open(path).map_err(JailError::io(doing()))?;
                if file.metadata().map_err(JailError::io(doing()))?.is_dir() {
                    let why = "is a directory".into();
                    return Err(JailError::Path { path: path.to_owned(), why, remedy: "give an archive".into() });
                }
                (Box::new(file), path.display().to_string())
            }
        };
        let source = Source::new(input).map_err(|error| JailError::Archive { archive: archive.clone(), error })?;
        Ok((source, archive))
    }

    /// Looks at the first bytes.
    fn new(input: Box<dyn Read>) -> Result<Source, ArchiveError> {
        let raw = Shared(Rc::new(RefCell::new(Summed { input, sum: Sha256::new() })));
        let mut start = [0; 6];
        let mut length = 0;
        while length < start.len() {
            match raw.clone().read(&mut start[length..]).map_err(|error| ArchiveError::reading(&error))? {
                0 => break,
                got => length += got,
            }
        }
        if length == 0 {
            return Err(ArchiveError::Truncated);
        }
        let start = start[..length].to_vec();
        let found = MAGIC.iter().find(|(magic, _)| start.starts_with(magic)).map_or(Ok(Compression::None), |(_, found)| *found);
        let whole = BufReader::with_capacity(64 << 10, io::Cursor::new(start).chain(raw.clone()));
        let plain: Box<dyn Read> = match found.map_err(ArchiveError::Compression)? {
            Compression::None => Box::new(whole),
            Compression::Gzip => Box::new(MultiGzDecoder::new(whole)),
            Compression::Zstd => Box::new(Frames(State::Between(whole))),
        };
        Ok(Source { raw, plain })
    }

    /// The SHA-256 of the archive as it came, read to its end.
    pub fn finish(mut self) -> Result<String, ArchiveError> {
        io::copy(&mut self.raw, &mut io::sink()).map_err(|error| ArchiveError::reading(&error))?;
        let sum = self.raw.0.borrow().sum.clone();
        Ok(hexadecimal(&sum.finalize()))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plain.read(buffer)
    }
}

/// Zstandard frames, one after the other.
struct Frames<R: io::BufRead>(State<R>);

enum State<R: io::BufRead> {
    Between(R),
    Inside(Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>),
    Over,
}

impl<R: io::BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, State::Over) {
                State::Over => return Ok(0),
                State::Between(mut input) => {
                    if input.fill_buf()?.is_empty() {
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(input).map_err(io::Error::other)?;
                    self.0 = State::Inside(Box::new(decoder));
                }
                State::Inside(mut decoder) => {
                    let got = decoder.read(buffer)?;
                    if got > 0 || buffer.is_empty() {
                        self.0 = State::Inside(decoder);
                        return Ok(got);
                    }
                    self.0 = State::Between(decoder.into_inner());
                }
            }
        }
    }
}

/// Bytes of one zstd frame, before compression.
const FRAME: usize = 4 << 20;

/// Compresses what is written to it.
pub enum Packed<W: Write> {
    None(W),
    Gzip(Box<GzEncoder<W>>),
    Zstd { output: W, frame: Vec<u8> },
}

impl<W: Write> Packed<W> {
    pub fn new(output: W, compression: Compression) -> Packed<W> {
        match compression {
            Compression::None => Packed::None(output),
            Compression::Gzip => Packed::Gzip(Box::new(GzEncoder::new(output, flate2::Compression::default()))),
            Compression::Zstd => Packed::Zstd { output, frame: Vec::with_capacity(FRAME) },
        }
    }

    /// Writes what is still held back.
    pub fn finish(self) -> io::Result<W> {
        let mut output = match self {
            Packed::None(output) => output,
            Packed::Gzip(encoder) => encoder.finish()?,
            Packed::Zstd { mut output, frame } => {
                output.write_all(&compress_to_vec(frame.as_slice(), CompressionLevel::Fastest))?;
                output
            }
        };
        output.flush()?;
        Ok(output)
    }
}

impl<W: Write> Write for Packed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Packed::None(output) => output.write(bytes),
            Packed::Gzip(encoder) => encoder.write(bytes),
            Packed::Zstd { output, frame } => {
                let taken = bytes.len().min(FRAME - frame.len());
                frame.extend_from_slice(&bytes[..taken]);
                if frame.len() == FRAME {
                    // Each frame for itself: compressing cannot fail in memory, and writing can be told.
                    output.write_all(&compress_to_vec(frame.as_slice(), CompressionLevel::Fastest))?;
                    frame.clear();
                }
                Ok(taken)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Packed::None(output) | Packed::Zstd { output, .. } => output.flush(),
            Packed::Gzip(encoder) => encoder.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(bytes: &[u8], compression: Compression) -> Vec<u8> {
        let mut packed = Packed::new(Vec::new(), compression);
        packed.write_all(bytes).unwrap();
        packed.finish().unwrap()
    }

    fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, ArchiveError> {
        let mut plain = Vec::new();
        let mut source = Source::new(Box::new(io::Cursor::new(bytes)))?;
        source.read_to_end(&mut plain).map_err(|error| ArchiveError::reading(&error))?;
        Ok(plain)
    }

    #[test]
    fn what_was_compressed_comes_back_whatever_the_way() {
        // Longer than a frame.
        let bytes: Vec<u8> = (0..FRAME as u32 / 2).flat_map(|n| (n / 7).to_le_bytes()).collect();
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
            let packed = packed(&bytes, compression);
            assert!(unpacked(packed).unwrap() == bytes, "{compression:?}");
        }
    }

    #[test]
    fn the_sum_is_that_of_the_file_as_it_is() {
        let file = packed(b"hello", Compression::Gzip);
        let wanted = hexadecimal(&Sha256::digest(&file));
        let mut source = Source::new(Box::new(io::Cursor::new(file))).unwrap();
        source.read_exact(&mut [0; 3]).unwrap();
        assert_eq!(source.finish().unwrap(), wanted);
    }

    #[test]
    fn a_cut_or_foreign_stream_is_one_clear_error() {
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for compression in [Compression::Gzip, Compression::Zstd] {
            let mut file = packed(&bytes, compression);
            file.truncate(file.len() / 2);
            let error = unpacked(file).unwrap_err();
            assert!(matches!(error, ArchiveError::Truncated | ArchiveError::Damaged(_)), "{error}");
        }
        assert_eq!(unpacked(b"\xfd7zXZ\0rest".to_vec()), Err(ArchiveError::Compression("xz")));
        assert_eq!(unpacked(Vec::new()), Err(ArchiveError::Truncated));
    }

    #[test]
    fn a_name_tells_how_to_compress() {
        let of = |name: &str| Compression::of_name(Path::new(name));
        assert_eq!(of("/x/web.tar"), Some(Compression::None));
        assert_eq!((of("web.tar.gz"), of("web.tgz")), (Some(Compression::Gzip), Some(Compression::Gzip)));
        assert_eq!((of("web.tar.zst"), of("web.zip"), of("web.tar.xz")), (Some(Compression::Zstd), None, None));
    }
}
