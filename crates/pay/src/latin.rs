//! Texts in the letters that payments between banks allow.

use quick_xml::escape::escape;

/// A text in the Latin letters, digits and signs that every bank takes (EPC217-08), Bulgarian ones as the
/// Transliteration Act (Закон за транслитерацията, art. 3 to 6) writes them; at most `max` characters.
/// What has no such letter becomes a space.
#[must_use]
pub fn latin(text: &str, max: usize) -> String {
    let words = text.split_whitespace().map(word);
    let words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words
        .join(" ")
        .chars()
        .take(max)
        .collect::<String>()
        .trim_end()
        .to_owned()
}

/// The same for a name or text in a message to a bank, escaped for XML. Where no letter is left there is none of ours to
/// invent: a bank wants one all the same.
pub(crate) fn escaped(text: &str, max: usize) -> String {
    let latin = latin(text, max);
    let text = if latin.is_empty() {
        "NOT PROVIDED"
    } else {
        &latin
    };
    escape(text).into_owned()
}

fn word(word: &str) -> String {
    let mut latin = String::new();
    let letters: Vec<char> = word.chars().collect();
    for (at, letter) in letters.iter().copied().enumerate() {
        if letter.is_ascii() {
            latin.push(allowed(letter));
            continue;
        }
        let small = letter.to_lowercase().next().unwrap_or(letter);
        let rest = &letters[at + 1..];
        let before = at.checked_sub(1).map(|before| letters[before]);
        let written = match (small, before) {
            // Art. 4: -ия at the end of a word.
            ('я', Some('и' | 'И')) if rest.is_empty() => "a",
            _ => written(small),
        };
        let mut signs = written.chars();
        if letter == small {
            latin.push_str(if written.is_empty() { " " } else { written });
        } else if rest.first().is_some_and(|next| next.is_uppercase()) {
            latin.push_str(&written.to_uppercase());
        } else {
            latin.extend(signs.next().map(|first| first.to_ascii_uppercase()));
            latin.push_str(signs.as_str());
        }
    }
    latin.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn allowed(sign: char) -> char {
    let plain = sign.is_ascii_alphanumeric() || "/-?:().,'+".contains(sign);
    if plain { sign } else { ' ' }
}

/// A small Bulgarian letter; empty for any other.
fn written(letter: char) -> &'static str {
    match letter {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' => "g",
        'д' => "d",
        'е' | 'э' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'ы' => "i",
        'й' | 'ь' => "y",
        'к' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'о' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' => "u",
        'ф' => "f",
        'х' => "h",
        'ц' => "ts",
        'ч' => "ch",
        'ш' => "sh",
        'щ' => "sht",
        'ъ' => "a",
        'ю' => "yu",
        'я' => "ya",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::latin;

    #[test]
    fn names_are_written_as_in_passports() {
        for (text, written) in [
            ("Стоян Желев Щърбанов", "Stoyan Zhelev Shtarbanov"),
            ("МАРИЯ ЮЛИЯНОВА", "MARIA YULIYANOVA"),
            ("София ЕООД", "Sofia EOOD"),
            ("Кольо Ж. Иванов-Цеков", "Kolyo Zh. Ivanov-Tsekov"),
            ("A & B „Вода“ № 7", "A B Voda 7"),
            ("  x\u{0}y  ", "x y"),
            ("字", ""),
        ] {
            assert_eq!(latin(text, 70), written);
        }
        assert_eq!(latin("Желев Петров", 7), "Zhelev");
    }
}
