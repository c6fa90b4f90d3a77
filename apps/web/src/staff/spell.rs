//! An e-mail address as it is read back on the telephone, sign by sign.

use kvit_billing::Language;

/// Each sign of an address with the word that names it.
pub(crate) fn out(address: &str, language: Language) -> Vec<(String, &'static str)> {
    address
        .chars()
        .map(|sign| (sign.to_string(), word(sign, language)))
        .collect()
}

fn word(sign: char, language: Language) -> &'static str {
    let words: &[(char, &str, &str)] = &[
        ('a', "Ана", "Alfa"),
        ('b', "Борис", "Bravo"),
        ('c', "латинско це", "Charlie"),
        ('d', "Димитър", "Delta"),
        ('e', "Елена", "Echo"),
        ('f', "Филип", "Foxtrot"),
        ('g', "Георги", "Golf"),
        ('h', "латинско хаш", "Hotel"),
        ('i', "Иван", "India"),
        ('j', "латинско джей", "Juliett"),
        ('k', "Кирил", "Kilo"),
        ('l', "Людмил", "Lima"),
        ('m', "Мария", "Mike"),
        ('n', "Никола", "November"),
        ('o', "Огнян", "Oscar"),
        ('p', "Петър", "Papa"),
        ('q', "кю", "Quebec"),
        ('r', "Румен", "Romeo"),
        ('s', "Стефан", "Sierra"),
        ('t', "Тодор", "Tango"),
        ('u', "латинско у", "Uniform"),
        ('v', "латинско ве", "Victor"),
        ('w', "латинско дубъл ве", "Whiskey"),
        ('x', "хикс", "X-ray"),
        ('y', "игрек", "Yankee"),
        ('z', "Захари", "Zulu"),
        ('0', "цифра нула", "zero"),
        ('1', "цифра едно", "one"),
        ('2', "цифра две", "two"),
        ('3', "цифра три", "three"),
        ('4', "цифра четири", "four"),
        ('5', "цифра пет", "five"),
        ('6', "цифра шест", "six"),
        ('7', "цифра седем", "seven"),
        ('8', "цифра осем", "eight"),
        ('9', "цифра девет", "nine"),
        ('@', "кльомба", "at"),
        ('.', "точка", "dot"),
        ('-', "тире", "dash"),
        ('_', "долна черта", "underscore"),
        ('+', "плюс", "plus"),
    ];
    let small = sign.to_ascii_lowercase();
    let found = words.iter().find(|(known, ..)| *known == small);
    match (found, language) {
        (Some((_, bg, _)), Language::Bg) => bg,
        (Some((_, _, en)), Language::En) => en,
        (None, Language::Bg) => "знак",
        (None, Language::En) => "sign",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sign_has_its_word() {
        let spelled = out("Ana.1@abv.bg", Language::Bg);
        assert_eq!(spelled.len(), 12);
        assert_eq!(spelled[3], (".".to_owned(), "точка"));
        assert_eq!(spelled[5], ("@".to_owned(), "кльомба"));
        assert!(spelled.iter().all(|(_, word)| *word != "знак"));
        assert_eq!(out("x%", Language::En)[1].1, "sign");
    }
}
