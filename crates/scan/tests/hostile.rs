//! Files as scanners make them, and files as nobody should: each page comes out, or says what is wrong with it, and
//! no file takes more than a page's room.

use std::io::{Cursor, Write};

use image::{ExtendedColorType, ImageEncoder, codecs::jpeg::JpegEncoder, codecs::png::PngEncoder};
use kvit_scan::{FILE_BYTES_MAX, Fault, PAGES_MAX, Picture, read_pages};
use proptest::prelude::*;
use tiff::{
    encoder::{Compression, TiffEncoder, colortype},
    tags::Tag,
};

const W: u32 = 96;
const H: u32 = 64;

/// White with a dark corner at the upper left: upright and right way round, or not.
fn grid() -> Vec<u8> {
    let dark = |at: u32| at % W < W / 2 && at / W < H / 2;
    (0..W * H)
        .map(|at| if dark(at) { 0 } else { 255 })
        .collect()
}

fn bits() -> Vec<u8> {
    let grid = grid();
    grid.chunks(8)
        .map(|eight| {
            eight
                .iter()
                .fold(0, |byte, level| byte << 1 | u8::from(*level > 0))
        })
        .collect()
}

fn is_grid(picture: &Picture) -> bool {
    let at = |x: u32, y: u32| picture.luma[(y * W + x) as usize];
    (picture.width, picture.height) == (W, H)
        && at(10, 10) < 40
        && [at(80, 10), at(10, 50), at(80, 50)]
            .iter()
            .all(|level| *level > 215)
}

type Pages = Vec<Result<Picture, Fault>>;

fn read(bytes: &[u8]) -> (Pages, Result<u32, Fault>) {
    let mut pages = Vec::new();
    let read = read_pages(bytes, |page, picture| {
        pages.push(picture);
        assert_eq!(page as usize, pages.len());
        true
    });
    (pages, read)
}

/// What came of the only page.
fn one(bytes: &[u8]) -> Result<Picture, Fault> {
    let (mut pages, read) = read(bytes);
    read?;
    assert_eq!(pages.len(), 1);
    pages.remove(0)
}

fn png(luma: &[u8], w: u32, h: u32) -> Vec<u8> {
    let mut out = Vec::new();
    PngEncoder::new(&mut out)
        .write_image(luma, w, h, ExtendedColorType::L8)
        .expect("written");
    out
}

fn jpeg() -> Vec<u8> {
    let mut out = Vec::new();
    let rgb: Vec<u8> = grid().iter().flat_map(|level| [*level; 3]).collect();
    JpegEncoder::new(&mut out)
        .write_image(&rgb, W, H, ExtendedColorType::Rgb8)
        .expect("written");
    out
}

/// The same picture packed by CCITT Group 4.
fn group_4() -> Vec<u8> {
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for row in grid().chunks(W as usize) {
        let ink = row.iter().map(|level| {
            if *level == 0 {
                fax::Color::Black
            } else {
                fax::Color::White
            }
        });
        encoder.encode_line(ink, W as u16).expect("written");
    }
    encoder.finish().expect("written").finish()
}

/// A TIFF of one page with these fields of one number each, its picture behind them.
fn tiff_of(fields: &[(u16, u32)], data: &[u8]) -> Vec<u8> {
    let mut fields = fields.to_vec();
    fields.extend([
        (273, 8 + 2 + (fields.len() as u32 + 2) * 12 + 4),
        (279, data.len() as u32),
    ]);
    fields.sort_unstable();
    let mut file = b"II\x2a\0\x08\0\0\0".to_vec();
    file.extend((fields.len() as u16).to_le_bytes());
    for (tag, value) in fields {
        file.extend(tag.to_le_bytes());
        file.extend([4, 0, 1, 0, 0, 0]);
        file.extend(value.to_le_bytes());
    }
    file.extend([0; 4]);
    file.extend(data);
    file
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("written");
    encoder.finish().expect("written")
}

/// A PDF with a cross-reference over these objects, numbered from 1.
fn pdf_of(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut table = "0000000000 65535 f \n".to_owned();
    for (at, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", file.len()));
        file.extend(format!("{} 0 obj\n", at + 1).into_bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let (start, size) = (file.len(), objects.len() + 1);
    file.extend(format!("xref\n0 {size}\n{table}trailer\n<</Root 1 0 R/Size {size}>>\nstartxref\n{start}\n%%EOF\n").into_bytes());
    file
}

/// A PDF whose pages, turned as `page` says, each show one of these pictures.
fn pdf(page: &str, catalog: &str, pictures: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let kids: Vec<_> = (0..pictures.len())
        .map(|at| format!("{} 0 R", 3 + 2 * at))
        .collect();
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes(),
        format!(
            "<</Type/Pages/Count {}/Kids[{}]>>",
            kids.len(),
            kids.join(" ")
        )
        .into_bytes(),
    ];
    for (at, (dict, data)) in pictures.iter().enumerate() {
        objects.push(
            format!(
                "<</Type/Page/Parent 2 0 R{page}/Resources<</XObject<</Im0 {} 0 R>>>>>>",
                4 + 2 * at
            )
            .into_bytes(),
        );
        let mut stream = format!(
            "<</Type/XObject/Subtype/Image/Width {W}/Height {H}{dict}/Length {}>>stream\n",
            data.len()
        )
        .into_bytes();
        stream.extend(data);
        stream.extend(b"\nendstream");
        objects.push(stream);
    }
    pdf_of(&objects)
}

const GREY: &str = "/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode";

#[test]
fn every_way_to_pack_a_page_gives_the_same_page() {
    let whole: [(u16, u32); 6] = [(256, W), (257, H), (258, 1), (259, 1), (262, 1), (278, H)];
    let fax: [(u16, u32); 6] = [(256, W), (257, H), (258, 1), (259, 4), (262, 0), (278, H)];
    let mut in_tiff = whole;
    in_tiff[2].1 = 8;
    in_tiff[3].1 = 7;
    let mut grey_jpeg = Vec::new();
    JpegEncoder::new(&mut grey_jpeg)
        .write_image(&grid(), W, H, ExtendedColorType::L8)
        .expect("written");
    let rgb: Vec<u8> = grid().iter().flat_map(|level| [*level; 3]).collect();
    let predicted: Vec<u8> = grid()
        .chunks(W as usize)
        .flat_map(|row| [&[0], row].concat())
        .collect();
    let fax_parms = format!(
        "/DecodeParms<</K -1/Columns {W}/Rows {H}>>/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/CCITTFaxDecode"
    );
    let indexed =
        "/ColorSpace[/Indexed/DeviceRGB 1<000000FFFFFF>]/BitsPerComponent 1/Filter/FlateDecode";
    let files = [
        ("png", png(&grid(), W, H)),
        ("jpeg", jpeg()),
        ("tiff, bits", tiff_of(&whole, &bits())),
        ("tiff, group 4", tiff_of(&fax, &group_4())),
        ("tiff, jpeg", tiff_of(&in_tiff, &grey_jpeg)),
        ("pdf, grey", pdf("", "", &[(GREY, deflated(&grid()))])),
        (
            "pdf, predictor",
            pdf(
                "",
                "",
                &[(
                    &format!("{GREY}/DecodeParms<</Predictor 15/Columns {W}>>"),
                    deflated(&predicted),
                )],
            ),
        ),
        (
            "pdf, colours",
            pdf(
                "",
                "",
                &[(
                    "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode",
                    deflated(&rgb),
                )],
            ),
        ),
        ("pdf, palette", pdf("", "", &[(indexed, deflated(&bits()))])),
        (
            "pdf, bits",
            pdf(
                "",
                "",
                &[("/ColorSpace/DeviceGray/BitsPerComponent 1", bits())],
            ),
        ),
        (
            "pdf, jpeg",
            pdf(
                "",
                "",
                &[(
                    "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
                    jpeg(),
                )],
            ),
        ),
        (
            "pdf, jpeg twice packed",
            pdf(
                "",
                "",
                &[(
                    "/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter[/FlateDecode/DCTDecode]",
                    deflated(&jpeg()),
                )],
            ),
        ),
        ("pdf, group 4", pdf("", "", &[(&fax_parms, group_4())])),
    ];
    for (name, file) in files {
        let page = one(&file).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(is_grid(&page), "{name}");
        let kept = page.kept().expect("written");
        assert!(
            is_grid(&one(&kept.bytes).expect("read again")),
            "{name}, kept"
        );
    }
}

#[test]
fn a_tiff_has_many_pages_in_many_packings() {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).expect("begun");
    for packing in [
        Compression::Uncompressed,
        Compression::Lzw,
        Compression::Deflate(Default::default()),
        Compression::Packbits,
    ] {
        encoder = encoder.with_compression(packing);
        encoder
            .write_image::<colortype::Gray8>(W, H, &grid())
            .expect("written");
    }
    let mut image = encoder.new_image::<colortype::Gray8>(W, H).expect("begun");
    image
        .encoder()
        .write_tag(Tag::Orientation, 3_u16)
        .expect("written");
    let upside_down: Vec<u8> = grid().into_iter().rev().collect();
    image.write_data(&upside_down).expect("written");
    let file = file.into_inner();
    let (pages, read) = read(&file);
    assert_eq!(read, Ok(5));
    assert!(pages.iter().all(|page| page.as_ref().is_ok_and(is_grid)));
    // Cut off at any place: what came before is read, nothing is invented.
    for end in [9, 100, file.len() / 2, file.len() - 3] {
        let (pages, _) = self::read(&file[..end]);
        assert!(pages.iter().flatten().all(is_grid), "{end}");
        assert!(pages.iter().filter(|page| page.is_ok()).count() < 5);
    }
}

#[test]
fn a_page_of_a_pdf_is_turned_as_the_pdf_says() {
    let turned = one(&pdf("/Rotate 90", "", &[(GREY, deflated(&grid()))])).expect("read");
    assert_eq!((turned.width, turned.height), (H, W));
    assert!(is_grid(&turned.turned(3)));
}

#[test]
fn script_in_a_pdf_is_not_even_read_and_a_bad_page_leaves_the_others() {
    let script = "/OpenAction<</S/JavaScript/JS(app.launchURL\\(\"http://x\"\\))>>/AA<</WC<</S/Launch/F(x.exe)>>>>/Names<</EmbeddedFiles<</Names[]>>>>";
    let file = pdf(
        "",
        script,
        &[
            (GREY, deflated(&grid())),
            (GREY, b"no deflate at all".to_vec()),
            (
                "/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/JBIG2Decode",
                vec![1; 20],
            ),
            (GREY, deflated(&grid()[..100])),
            (GREY, deflated(&grid())),
        ],
    );
    let (pages, read) = read(&file);
    assert_eq!(read, Ok(5));
    let faults: Vec<_> = pages
        .iter()
        .map(|page| page.as_ref().err().copied())
        .collect();
    assert_eq!(
        faults,
        [
            None,
            Some(Fault::Broken),
            Some(Fault::Broken),
            Some(Fault::Broken),
            None
        ]
    );
    assert!(is_grid(pages[4].as_ref().expect("read")));
}

#[test]
fn bombs_are_refused_before_they_are_decoded() {
    // A square of 100,000 with one bit each, in each format.
    let side = 100_000_u32;
    let mut bomb = png(&grid(), W, H);
    bomb[16..20].copy_from_slice(&side.to_be_bytes());
    bomb[20..24].copy_from_slice(&side.to_be_bytes());
    let mut header = crc32fast(&bomb[12..29]).to_be_bytes().to_vec();
    bomb.splice(29..33, header.drain(..));
    let mut large_jpeg = jpeg();
    let at = large_jpeg
        .windows(2)
        .position(|two| two == [0xff, 0xc0])
        .expect("a frame");
    large_jpeg[at + 5..at + 9].copy_from_slice(&[0xff; 4]);
    let fields: [(u16, u32); 6] = [
        (256, side),
        (257, side),
        (258, 1),
        (259, 4),
        (262, 0),
        (278, side),
    ];
    let pixels = format!(
        "/Width {side}/Height {side}/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/FlateDecode"
    );
    let in_pdf = pdf("", "", &[("", Vec::new())]);
    let in_pdf = String::from_utf8(in_pdf).expect("plain");
    let in_pdf = in_pdf.replace(&format!("/Width {W}/Height {H}"), &pixels);
    // Its offsets are no longer right, so it is put together anew.
    let objects: Vec<Vec<u8>> = in_pdf
        .split("endobj\n")
        .filter_map(|part| part.split_once(" 0 obj\n"))
        .map(|(_, object)| object.trim_end().as_bytes().to_vec())
        .collect();
    for (name, file) in [
        ("png", bomb),
        ("jpeg", large_jpeg),
        ("tiff", tiff_of(&fields, &group_4())),
        ("pdf", pdf_of(&objects)),
    ] {
        let fault = one(&file).expect_err(name);
        assert_eq!(fault, Fault::TooManyPixels, "{name}");
    }
    // A stream of a gigabyte of nothing behind a small picture.
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let nothing = vec![0; 1 << 20];
    (0..256).for_each(|_| encoder.write_all(&nothing).expect("written"));
    let bomb = encoder.finish().expect("written");
    assert_eq!(one(&pdf("", "", &[(GREY, bomb)])), Err(Fault::Broken));
    // A JPEG in a TIFF says a larger size than its page.
    let mut large = Vec::new();
    JpegEncoder::new(&mut large)
        .write_image(
            &vec![255; 3_000 * 2_000],
            3_000,
            2_000,
            ExtendedColorType::L8,
        )
        .expect("written");
    let fields: [(u16, u32); 6] = [(256, W), (257, H), (258, 8), (259, 7), (262, 1), (278, H)];
    assert_eq!(one(&tiff_of(&fields, &large)), Err(Fault::Broken));
}

/// A TIFF of one page, its data at byte 8; fields of several numbers, or of bytes where the tag is `JPEGTables`.
fn tiff_of_lists(fields: &[(u16, Vec<u32>)], tables: Option<&[u8]>, data: &[u8]) -> Vec<u8> {
    let mut fields: Vec<_> = fields
        .iter()
        .map(|(tag, list)| {
            let bytes = list.iter().flat_map(|one| one.to_le_bytes()).collect();
            (*tag, 4_u16, list.len(), bytes)
        })
        .collect();
    fields.extend(tables.map(|tables| (347, 7, tables.len(), tables.to_vec())));
    fields.sort_unstable();
    let mut file = b"II\x2a\0\0\0\0\0".to_vec();
    file.extend(data);
    let mut directory = (fields.len() as u16).to_le_bytes().to_vec();
    for (tag, kind, count, mut bytes) in fields {
        if bytes.len() > 4 {
            let at = file.len() as u32;
            file.append(&mut bytes);
            bytes = at.to_le_bytes().to_vec();
        }
        bytes.resize(4, 0);
        directory.extend(tag.to_le_bytes());
        directory.extend(kind.to_le_bytes());
        directory.extend((count as u32).to_le_bytes());
        directory.extend(bytes);
    }
    let at = file.len() as u32;
    file[4..8].copy_from_slice(&at.to_le_bytes());
    file.extend(directory);
    file.extend([0; 4]);
    file
}

fn grey_jpeg(luma: &[u8], w: u32, h: u32) -> Vec<u8> {
    let mut out = Vec::new();
    JpegEncoder::new(&mut out)
        .write_image(luma, w, h, ExtendedColorType::L8)
        .expect("written");
    out
}

#[test]
fn the_jpegs_in_a_tiff_are_no_larger_than_their_strips_nor_all_than_the_page() {
    let whole = grey_jpeg(&grid(), W, H);
    let of = |w: u32, h: u32, more: &[(u16, Vec<u32>)], tables: Option<&[u8]>, data: &[u8]| {
        let mut fields = [(256, w), (257, h), (258, 8), (259, 7), (262, 1)]
            .map(|(tag, one)| (tag, vec![one]))
            .to_vec();
        fields.extend_from_slice(more);
        one(&tiff_of_lists(&fields, tables, data))
    };
    let strips = |rows: u32| {
        let count = H.div_ceil(rows) as usize;
        [
            (273, vec![8; count]),
            (278, vec![rows]),
            (279, vec![whole.len() as u32; count]),
        ]
    };
    assert!(of(W, H, &strips(H), None, &whole).is_ok_and(|page| is_grid(&page)));
    // Each row says that it is the whole page.
    assert_eq!(of(W, H, &strips(1), None, &whole), Err(Fault::Broken));
    // Tiles of a narrow page that are far wider than it, all of them the same bytes.
    let wide = grey_jpeg(&vec![255; 5_000 * 16], 5_000, 16);
    let tiles = [
        (322, vec![5_000]),
        (323, vec![16]),
        (324, vec![8; 200]),
        (325, vec![wide.len() as u32; 200]),
    ];
    assert_eq!(of(16, 3_200, &tiles, None, &wide), Err(Fault::Broken));
    // Tables: none, a comment, a whole picture, a scan alone, and a comment that would swallow the strip.
    let with = |tables: &[u8]| of(W, H, &strips(H), Some(tables), &whole);
    for good in [
        b"\xff\xd8\xff\xd9".as_slice(),
        b"\xff\xd8\xff\xfe\0\x04ab\xff\xd9",
    ] {
        assert!(with(good).is_ok_and(|page| is_grid(&page)), "{good:?}");
    }
    for bad in [
        wide.as_slice(),
        b"\xff\xd8\xff\xda\0\x08\x01\x01\0\0\x3f\0\xff\xd9",
        b"\xff\xd8\xff\xfe\x01\0ab\xff\xd9",
    ] {
        assert_eq!(with(bad), Err(Fault::Broken));
    }
}

#[test]
fn a_pdf_of_countless_values_is_refused() {
    let with = |values: usize| {
        let many = format!("/Many[{}]", "0 ".repeat(values));
        one(&pdf("", &many, &[(GREY, deflated(&grid()))]))
    };
    assert!(with(100_000).is_ok_and(|page| is_grid(&page)));
    assert_eq!(with(250_000), Err(Fault::Broken));
}

/// The checksum of PNG's chunks (ISO 15948, annex D).
fn crc32fast(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

#[test]
fn what_is_no_scan_says_so() {
    assert_eq!(one(&[]), Err(Fault::Empty));
    assert_eq!(one(b"GIF89a"), Err(Fault::UnknownFormat));
    assert_eq!(
        one(b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        Err(Fault::UnknownFormat)
    );
    assert_eq!(one(b"MZ\x90\0%PDF-1.7"), Err(Fault::UnknownFormat));
    assert_eq!(
        one(&vec![0; FILE_BYTES_MAX as usize + 1]),
        Err(Fault::FileTooLarge)
    );
    assert_eq!(one(b"%PDF-1.7\n"), Err(Fault::Broken));
    assert_eq!(one(b"II\x2a\0\x08\0\0\0"), Err(Fault::Broken));
    assert_eq!(one(&[0xff, 0xd8, 0xff]), Err(Fault::Broken));
    assert_eq!(one(&png(&grid(), W, H)[..60]), Err(Fault::Broken));
    let whole = jpeg();
    assert_eq!(one(&whole[..40]), Err(Fault::Broken));
    // A PDF that also is a picture or a page of HTML is read as the PDF that it begins as.
    let mut polyglot = pdf("", "", &[(GREY, deflated(&grid()))]);
    polyglot.extend(b"\n<html><script>alert(1)</script>");
    polyglot.extend(png(&grid(), W, H));
    assert!(one(&polyglot).is_ok_and(|page| is_grid(&page)));
    // A page of words and no picture.
    let words = pdf_of(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R>>".to_vec(),
    ]);
    assert_eq!(one(&words), Err(Fault::NoPicture));
    // Encrypted, or in circles.
    let circle = pdf_of(&[
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[2 0 R]>>".to_vec(),
    ]);
    assert_eq!(one(&circle), Err(Fault::Broken));
}

#[test]
fn thousands_of_pages_end_at_the_limit() {
    let picture = (GREY, deflated(&grid()));
    let pages = vec![picture; PAGES_MAX as usize + 200];
    let (pages, read) = read(&pdf("", "", &pages));
    assert_eq!(read, Err(Fault::TooManyPages));
    assert_eq!(pages.len(), PAGES_MAX as usize);
    assert!(pages.iter().all(Result::is_ok));
    // A TIFF whose only page says that the next one is itself.
    let mut circle = tiff_of(
        &[(256, W), (257, H), (258, 1), (259, 1), (262, 1), (278, H)],
        &bits(),
    );
    let next = 8 + 2 + 8 * 12;
    circle[next..next + 4].copy_from_slice(&8_u32.to_le_bytes());
    assert_eq!(self::read(&circle).1, Err(Fault::Broken));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_judged(kind in 0..5_usize, at in 0..4_000_usize, with in proptest::collection::vec(any::<u8>(), 1..40)) {
        let mut file = match kind {
            0 => png(&grid(), W, H),
            1 => jpeg(),
            2 => tiff_of(&[(256, W), (257, H), (258, 1), (259, 4), (262, 0), (278, H)], &group_4()),
            3 => pdf("", "", &[(GREY, deflated(&grid()))]),
            _ => pdf("", "", &[("/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode", jpeg())]),
        };
        let at = at % file.len();
        let end = (at + with.len()).min(file.len());
        file[at..end].copy_from_slice(&with[..end - at]);
        let _ = read(&file);
    }
}
