//! Pages that other programs packed, as they are and as nobody should make them. How the files were made is beside them.

use std::time::{Duration, Instant};

use kvit_scan::{Fault, PIXELS_MAX, Picture, read_pages};

const PAGE: &[u8] = include_bytes!("files/page.png");
const GREY: &[u8] = include_bytes!("files/grey.png");
const JBIG2: &[u8] = include_bytes!("files/page.jb2");
const J2K: &[u8] = include_bytes!("files/grey.j2k");
const JP2: &[u8] = include_bytes!("files/rgb-tiles.jp2");
const G3_1D: &[u8] = include_bytes!("files/g3-1d.tif");
const G3_2D: &[u8] = include_bytes!("files/g3-2d.tif");
const FAXES: [(&str, &[u8]); 5] = [
    ("rows from rows", G3_2D),
    ("rows by themselves", G3_1D),
    (
        "filled and mirrored",
        include_bytes!("files/g3-2d-fill-lsb.tif"),
    ),
    ("group 4, mirrored", include_bytes!("files/g4-lsb.tif")),
    ("without ends of lines", include_bytes!("files/rle.tif")),
];
/// What no page of these sizes takes, on a busy machine and without optimisation.
const SOON: Duration = Duration::from_secs(60);

fn one(bytes: &[u8]) -> Result<Picture, Fault> {
    let mut found = None;
    let begun = Instant::now();
    let pages = read_pages(bytes, |_, picture| {
        found = Some(picture);
        true
    })?;
    assert_eq!(pages, 1);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    found.expect("a page")
}

/// How far two pictures of one size are from each other, in levels, on average.
fn distance(one: &Picture, other: &Picture) -> f64 {
    assert_eq!((one.width, one.height), (other.width, other.height));
    let apart = one.luma.iter().zip(&other.luma);
    let sum: u64 = apart
        .map(|(one, other)| u64::from(one.abs_diff(*other)))
        .sum();
    sum as f64 / one.luma.len() as f64
}

/// A PDF over these objects, numbered from 1.
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

fn stream(dict: &str, data: &[u8]) -> Vec<u8> {
    let mut stream = format!("<<{dict}/Length {}>>stream\n", data.len()).into_bytes();
    stream.extend(data);
    stream.extend(b"\nendstream");
    stream
}

fn image(width: u32, height: u32, dict: &str, data: &[u8]) -> Vec<u8> {
    let head = format!("/Type/XObject/Subtype/Image/Width {width}/Height {height}{dict}");
    stream(&head, data)
}

/// A page that draws `content`; object 5 is `/Im0`, and so on.
fn page(content: &str, pictures: &[Vec<u8>]) -> Vec<u8> {
    let names: String = (0..pictures.len())
        .map(|at| format!("/Im{at} {} 0 R", at + 5))
        .collect();
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 160 105]/Contents 4 0 R/Resources<</XObject<<{names}>>>>>>").into_bytes(),
        stream("", content.as_bytes()),
    ];
    objects.extend_from_slice(pictures);
    pdf_of(&objects)
}

fn only(picture: Vec<u8>) -> Vec<u8> {
    page("q 160 0 0 105 0 0 cm /Im0 Do Q", &[picture])
}

fn in_pdf(filter: &str, width: u32, height: u32, data: &[u8]) -> Vec<u8> {
    let dict = format!("/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/{filter}");
    only(image(width, height, &dict, data))
}

fn jbig2(data: &[u8]) -> Result<Picture, Fault> {
    one(&in_pdf("JBIG2Decode", 640, 420, data))
}

fn jpeg2000(data: &[u8]) -> Result<Picture, Fault> {
    one(&only(image(320, 210, "/Filter/JPXDecode", data)))
}

/// The strip of a TIFF that has one.
fn strip(tiff: &[u8]) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(*tiff[at..].first_chunk().expect("four bytes"));
    let directory = number(4) as usize;
    let fields = u16::from_le_bytes(*tiff[directory..].first_chunk().expect("two bytes"));
    let value = |tag: u16| {
        let field = (0..usize::from(fields))
            .map(|at| directory + 2 + 12 * at)
            .find(|at| tiff[*at..*at + 2] == tag.to_le_bytes())
            .expect("the field");
        let value = number(field + 8);
        // A number of two bytes stands at the left.
        if tiff[field + 2] == 3 {
            value & 0xffff
        } else {
            value
        }
    };
    let start = value(273) as usize;
    tiff[start..start + value(279) as usize].to_vec()
}

#[test]
fn what_other_programs_packed_is_read() {
    let (page_, grey) = (one(PAGE).expect("read"), one(GREY).expect("read"));
    for (name, file) in FAXES {
        assert_eq!(one(file).as_ref(), Ok(&page_), "{name}");
    }
    assert_eq!(jbig2(JBIG2).as_ref(), Ok(&page_));
    assert_eq!(jpeg2000(J2K).as_ref(), Ok(&grey));
    let colours = jpeg2000(JP2).expect("read");
    assert!(
        distance(&colours, &grey) < 6.0,
        "{}",
        distance(&colours, &grey)
    );
    // Group 3 in a PDF, where its rows are mirrored before, and ink may be written as ones.
    let mirrored = strip(FAXES[2].1);
    let plain: Vec<u8> = mirrored.iter().map(|byte| byte.reverse_bits()).collect();
    let rle = strip(FAXES[4].1);
    for (parms, data) in [("/K 4", &plain), ("/K 0/EncodedByteAlign true", &rle)] {
        // This TIFF says that its zeros are ink.
        for (more, negative) in [("", true), ("/BlackIs1 true", false)] {
            let dict = format!(
                "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</Columns 640/Rows 420{parms}{more}>>"
            );
            let mut found = one(&only(image(640, 420, &dict, data))).expect("read");
            if negative {
                found
                    .luma
                    .iter_mut()
                    .for_each(|level| *level = 255 - *level);
            }
            assert_eq!(found, page_, "{parms}{more}");
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_is_told_and_nothing_is_invented() {
    let broken = [Err(Fault::Broken), Err(Fault::Packing)];
    for end in (0..JBIG2.len()).step_by(37) {
        let cut = jbig2(&JBIG2[..end]);
        assert!(broken.contains(&cut), "jbig2, {end}: {cut:?}");
    }
    for (name, whole) in [("j2k", J2K), ("jp2", JP2)] {
        for end in (0..whole.len() - 2).step_by(331) {
            let cut = jpeg2000(&whole[..end]);
            // Between two tiles nothing tells that others are missing but the decoder.
            assert!(cut.is_err() || end > 2_000, "{name}, {end}: {cut:?}");
        }
    }
    for (name, whole) in FAXES {
        for end in (0..whole.len()).step_by(97) {
            let cut = one(&whole[..end]);
            assert!(cut.is_err(), "{name}, {end}");
        }
    }
    for (name, whole) in [FAXES[2], FAXES[4]] {
        let packed = strip(whole);
        for end in (0..packed.len()).step_by(61) {
            let dict = "/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode/DecodeParms<</Columns 640/Rows 420/K 4>>";
            let cut = one(&only(image(640, 420, dict, &packed[..end])));
            assert!(cut.is_err(), "{name} in a PDF, {end}");
        }
    }
}

#[test]
fn changed_bytes_are_judged() {
    for seed in 0..200_usize {
        for (which, whole) in [JBIG2, J2K, JP2].into_iter().enumerate() {
            let mut file = whole.to_vec();
            // More often where the headers are.
            let range = if seed % 3 == 0 { file.len() } else { 160 };
            let at = seed.wrapping_mul(7_919) % range;
            file[at] = file[at].wrapping_add((seed % 255) as u8 + 1);
            let _ = match which {
                0 => jbig2(&file),
                _ => jpeg2000(&file),
            };
        }
    }
}

/// A segment of JBIG2: its number, its kind, its data.
fn segment(number: u32, kind: u8, data: &[u8]) -> Vec<u8> {
    let mut segment = number.to_be_bytes().to_vec();
    segment.extend([kind, 0, 1]);
    segment.extend((data.len() as u32).to_be_bytes());
    segment.extend(data);
    segment
}

fn sizes(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|one| one.to_be_bytes()).collect()
}

/// What a page of JBIG2 says of itself.
fn jbig2_page(width: u32, height: u32) -> Vec<u8> {
    let mut page = sizes(&[width, height, 0, 0]);
    page.extend([0; 3]);
    segment(0, 48, &page)
}

/// A region of these sides that holds next to nothing.
fn region(number: u32, width: u32, height: u32) -> Vec<u8> {
    let mut data = sizes(&[width, height, 0, 0]);
    data.extend([0, 0, 3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe, 1, 2, 3]);
    segment(number, 38, &data)
}

#[test]
fn bombs_of_jbig2_are_refused_before_they_are_decoded() {
    for (width, height, fault) in [
        (100_000, 10, Fault::TooManyPixels),
        (15_000, 15_000, Fault::TooManyPixels),
        (0, 10, Fault::Broken),
    ] {
        assert_eq!(jbig2(&jbig2_page(width, height)), Err(fault));
        let page = [jbig2_page(640, 420), region(1, width, height)].concat();
        assert_eq!(jbig2(&page), Err(fault));
    }
    // A small page, and a thousand times as many pixels as would cover it.
    let mut many = jbig2_page(640, 420);
    (1..1_000).for_each(|number| many.extend(region(number, 640, 420)));
    assert_eq!(jbig2(&many), Err(Fault::TooManyPixels));
    let mut countless = jbig2_page(640, 420);
    (1..20_000).for_each(|number| countless.extend(segment(number, 62, &[])));
    assert_eq!(jbig2(&countless), Err(Fault::Packing));
    // A dictionary of 65,000 letters, each of any size; patterns, refinements, tables.
    for kind in [0, 4, 6, 7, 16, 20, 22, 23, 40, 42, 43, 53, 1] {
        let dictionary = segment(1, kind, &[0, 0, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        let page = [jbig2_page(640, 420), dictionary].concat();
        assert_eq!(jbig2(&page), Err(Fault::Packing), "{kind}");
    }
    // A region whose length is told behind it, or is not.
    let mut open = region(1, 640, 420);
    open[7..11].copy_from_slice(&[0xff; 4]);
    assert_eq!(
        jbig2(&[jbig2_page(640, 420), open.clone()].concat()),
        Err(Fault::Broken)
    );
    open.extend([0xff, 0xac, 0, 0, 1, 0xa4]);
    open.extend(region(2, 15_000, 15_000));
    assert_eq!(
        jbig2(&[jbig2_page(640, 420), open].concat()),
        Err(Fault::TooManyPixels)
    );
}

/// The stream with other bytes at the first of these.
fn patched(whole: &[u8], find: &[u8], skip: usize, with: &[u8]) -> Vec<u8> {
    let mut file = whole.to_vec();
    let at = file.windows(find.len()).position(|at| at == find);
    let at = at.expect("there") + skip;
    file[at..at + with.len()].copy_from_slice(with);
    file
}

#[test]
fn bombs_of_jpeg_2000_are_refused_before_they_are_decoded() {
    let siz = |skip: usize, with: &[u8]| patched(J2K, &[0xff, 0x51], 4 + skip, with);
    let cod = |skip: usize, with: &[u8]| patched(J2K, &[0xff, 0x52], 4 + skip, with);
    let qcd = |skip: usize, with: &[u8]| patched(J2K, &[0xff, 0x5c], 4 + skip, with);
    for (what, file, fault) in [
        ("wide", siz(2, &sizes(&[100_000])), Fault::TooManyPixels),
        (
            "large",
            siz(2, &sizes(&[8_000, 8_000])),
            Fault::TooManyPixels,
        ),
        ("no width", siz(2, &[0; 4]), Fault::Broken),
        ("tiles of a pixel", siz(18, &sizes(&[1, 1])), Fault::Packing),
        ("no tiles", siz(18, &[0; 4]), Fault::Broken),
        ("an offset", siz(10, &sizes(&[7])), Fault::Packing),
        ("16,384 colours", siz(34, &[0x40, 0]), Fault::Broken),
        ("38 bits", siz(36, &[37]), Fault::Packing),
        ("thinned", siz(37, &[2]), Fault::Packing),
        ("layers", cod(2, &[0xff, 0xff]), Fault::Packing),
        ("levels", cod(5, &[33]), Fault::Packing),
        ("blocks of 4", cod(6, &[0, 0]), Fault::Packing),
        ("huge blocks", cod(6, &[6, 6]), Fault::Packing),
        ("precincts that are not there", cod(0, &[1]), Fault::Broken),
        ("planes", qcd(1, &[31 << 3]), Fault::Packing),
        (
            "a part beyond the end",
            patched(J2K, &[0xff, 0x90], 6, &[0xff; 4]),
            Fault::Broken,
        ),
        (
            "another order behind the first",
            patched(J2K, &[0xff, 0x64], 1, &[0x5f]),
            Fault::Packing,
        ),
        (
            "a box beyond the end",
            patched(JP2, b"jp2c", 0, b"jp3c"),
            Fault::Broken,
        ),
        ("inks", patched(JP2, b"colr", 10, &[12]), Fault::Packing),
    ] {
        assert_eq!(jpeg2000(&file), Err(fault), "{what}");
    }
    // Precincts of a pixel, where there are many.
    let large = patched(JP2, &[0xff, 0x51], 6, &sizes(&[3_000, 3_000]));
    let fine = patched(&large, &[0xff, 0x52], 16, &[0]);
    assert_eq!(jpeg2000(&fine), Err(Fault::Packing));
    // Three colours of a size at which one would do.
    let side = 6_000_u32;
    assert!(u64::from(side * side) < PIXELS_MAX);
    let large = patched(JP2, &[0xff, 0x51], 6, &sizes(&[side, side]));
    assert!(jpeg2000(&large).is_err());
}

/// The rows of the page as bits, paper as ones.
fn bits(page: &Picture, rows: std::ops::Range<u32>) -> Vec<u8> {
    let row = |y: u32| &page.luma[(y * page.width) as usize..((y + 1) * page.width) as usize];
    rows.flat_map(|y| {
        row(y)
            .chunks(8)
            .map(|eight| {
                eight
                    .iter()
                    .fold(0, |byte, level| byte << 1 | u8::from(*level > 0))
            })
            .collect::<Vec<_>>()
    })
    .collect()
}

const BITS: &str = "/ColorSpace/DeviceGray/BitsPerComponent 1";

#[test]
fn a_page_of_strips_is_one_page() {
    let whole = one(PAGE).expect("read");
    // 105 points high, 420 rows: four rows to a point. The last strip is a short one.
    let strips = [
        0..64,
        64..128,
        128..192,
        192..256,
        256..320,
        320..384,
        384..420_u32,
    ];
    let pictures: Vec<_> = strips
        .iter()
        .map(|rows| image(640, rows.len() as u32, BITS, &bits(&whole, rows.clone())))
        .collect();
    let mut content = "q 1 0 0 1 0 0 cm % all of it\n".to_owned();
    for (at, rows) in strips.iter().enumerate() {
        let (high, bottom) = (rows.len() as f64 / 4.0, (420 - rows.end) as f64 / 4.0);
        content += &format!("q 160 0 0 {high} 0 {bottom} cm /Im{at} Do Q\n");
    }
    // What a reader of letters adds beneath.
    content += "BT /F1 12 Tf (a \\) 7 0 0 7 0 0 cm /Im0 Do) Tj <</MCID 0>> [(x) 3] TJ ET Q";
    assert_eq!(one(&page(&content, &pictures)), Ok(whole.clone()));
    // Where the strips are drawn by a form, upside down, and the page is turned back.
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 160 105]/Matrix[-1 0 0 -1 160 105]";
    let mut all = pictures;
    all.push(stream(form, content.as_bytes()));
    let turned = one(&page("/Im7 Do", &all)).expect("read");
    assert_eq!(turned.turned(2), whole);
}

#[test]
fn a_background_under_a_mask_is_one_page() {
    let whole = one(PAGE).expect("read");
    let back = image(
        4,
        4,
        "/ColorSpace/DeviceGray/BitsPerComponent 8",
        &[200; 16],
    );
    let letters = image(
        640,
        420,
        "/ImageMask true/BitsPerComponent 1",
        &bits(&whole, 0..420),
    );
    let both = [back, letters];
    let at = "160 0 0 105 0 0 cm";
    let found = one(&page(&format!("q {at} /Im0 Do 0.2 g /Im1 Do Q"), &both)).expect("read");
    let expected: Vec<u8> = whole
        .luma
        .iter()
        .map(|level| if *level == 0 { 51 } else { 200 })
        .collect();
    assert_eq!(found.luma, expected);
    // The same by a mask of the foreground, of either kind.
    for (mask, dict) in [
        (
            "SMask",
            "/ColorSpace/DeviceGray/BitsPerComponent 1/Decode[1 0]",
        ),
        ("Mask", "/ImageMask true/BitsPerComponent 1"),
    ] {
        let dark = format!("/{mask} 7 0 R/ColorSpace/DeviceGray/BitsPerComponent 8");
        let pictures = [
            both[0].clone(),
            image(2, 2, &dark, &[51; 4]),
            image(640, 420, dict, &bits(&whole, 0..420)),
        ];
        let found = one(&page(&format!("q {at} /Im0 Do /Im1 Do Q"), &pictures)).expect("read");
        // The background decides how fine the page is: what is asked is that there is ink, and not everywhere.
        assert!(found.luma.contains(&200), "{mask}");
    }
}

#[test]
fn pages_of_several_pictures_have_bounds() {
    let dot = || image(8, 1, BITS, &[0]);
    let both = [dot(), dot()];
    let draw = |content: &str| one(&page(content, &both));
    assert_eq!(draw("BT (nothing) Tj ET"), Err(Fault::NoPicture));
    assert_eq!(draw("BI /W 8 /H 1 ID x EI /Im0 Do"), Err(Fault::NoPicture));
    assert_eq!(draw("0 0 0 0 0 0 cm /Im0 Do"), Err(Fault::Broken));
    assert_eq!(draw(&"q ".repeat(100)), Err(Fault::NoPicture));
    // Far apart, and one beside the other ten thousand times.
    assert_eq!(
        draw("/Im0 Do 1 0 0 1 1e9 0 cm /Im1 Do"),
        Err(Fault::TooManyPixels)
    );
    assert_eq!(draw(&"/Im0 Do ".repeat(10_000)), Err(Fault::TooManyPixels));
    // Each of them all over a large page.
    let over = format!(
        "q 1000 0 0 1000 0 0 cm /Im0 Do Q {}",
        "q 5000 0 0 5000 0 0 cm /Im1 Do Q ".repeat(1_000)
    );
    assert!(draw(&over).is_ok_and(|page| page.luma.len() < 1_000));
    let fine = image(4_000, 4_000, BITS, &vec![0; 2_000_000]);
    let all_over = "160 0 0 105 0 0 cm ".to_owned() + &"/Im0 Do /Im1 Do ".repeat(900);
    assert_eq!(
        one(&page(&all_over, &[fine, dot()])),
        Err(Fault::TooManyPixels)
    );
    // A form that draws itself twice, and so on.
    let circle = stream(
        "/Type/XObject/Subtype/Form/Resources<</XObject<</Im0 5 0 R/Im1 6 0 R>>>>",
        b"/Im1 Do /Im1 Do /Im0 Do",
    );
    let drawn = one(&page("/Im1 Do", &[dot(), circle]));
    assert!(drawn.is_ok(), "{drawn:?}");
}
