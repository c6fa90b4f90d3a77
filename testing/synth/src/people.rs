//! Invented customers: people and companies, where they live, where their mail goes.

use kvit_billing::{Address, Customer, CustomerNumber, Language};

use crate::{chance::Chance, numbers};

/// A man's first name, and the family name and patronymic made from it.
const MEN: [(&str, &str); 20] = [
    ("Александър", "Александров"),
    ("Ангел", "Ангелов"),
    ("Атанас", "Атанасов"),
    ("Борис", "Борисов"),
    ("Васил", "Василев"),
    ("Георги", "Георгиев"),
    ("Димитър", "Димитров"),
    ("Емил", "Емилов"),
    ("Иван", "Иванов"),
    ("Йордан", "Йорданов"),
    ("Калоян", "Калоянов"),
    ("Кирил", "Кирилов"),
    ("Красимир", "Красимиров"),
    ("Мартин", "Мартинов"),
    ("Николай", "Николаев"),
    ("Петър", "Петров"),
    ("Пламен", "Пламенов"),
    ("Стоян", "Стоянов"),
    ("Тодор", "Тодоров"),
    ("Христо", "Христов"),
];
const WOMEN: [&str; 20] = [
    "Анна",
    "Биляна",
    "Валентина",
    "Виктория",
    "Гергана",
    "Даниела",
    "Десислава",
    "Елена",
    "Ивелина",
    "Йоана",
    "Калина",
    "Мария",
    "Милена",
    "Надежда",
    "Петя",
    "Ралица",
    "Росица",
    "Силвия",
    "Теодора",
    "Цветелина",
];
const FAMILIES: [&str; 24] = [
    "Бончев",
    "Велчев",
    "Вълчев",
    "Ганев",
    "Добрев",
    "Златарски",
    "Илиев",
    "Каменов",
    "Колев",
    "Костов",
    "Лазаров",
    "Маринов",
    "Минчев",
    "Найденов",
    "Панайотов",
    "Пенев",
    "Попов",
    "Радев",
    "Русев",
    "Савов",
    "Славов",
    "Станчев",
    "Тошев",
    "Цанков",
];
const FOREIGNERS: [&str; 8] = [
    "Anna Becker",
    "Claire Martin",
    "David Jones",
    "Emma Wilson",
    "Jan de Vries",
    "Marco Conti",
    "Sofia Larsen",
    "Thomas Novak",
];
const COMPANIES: [&str; 16] = [
    "Бяла бреза",
    "Витоша Принт",
    "Вкусна фурна",
    "Горски път",
    "Дунав Логистик",
    "Зелен хълм",
    "Златно руно",
    "Ивел Текстил",
    "Кедър Мебел",
    "Лозарска изба",
    "Морски бриз",
    "Нов ден",
    "Пекарна Зора",
    "Родопски пчелар",
    "Север Строй",
    "Тракия Агро",
];
/// Town and post code.
const TOWNS: [(&str, &str); 24] = [
    ("София", "1000"),
    ("София", "1303"),
    ("София", "1407"),
    ("София", "1618"),
    ("София", "1784"),
    ("Пловдив", "4000"),
    ("Пловдив", "4023"),
    ("Варна", "9000"),
    ("Варна", "9010"),
    ("Бургас", "8000"),
    ("Русе", "7000"),
    ("Стара Загора", "6000"),
    ("Плевен", "5800"),
    ("Сливен", "8800"),
    ("Добрич", "9300"),
    ("Шумен", "9700"),
    ("Перник", "2300"),
    ("Хасково", "6300"),
    ("Пазарджик", "4400"),
    ("Благоевград", "2700"),
    ("Велико Търново", "5000"),
    ("Враца", "3000"),
    ("Габрово", "5300"),
    ("Смолян", "4700"),
];
const STREETS: [&str; 16] = [
    "бул. „България“",
    "бул. „Шести септември“",
    "ул. „Бузлуджа“",
    "ул. „Васил Левски“",
    "ул. „Гео Милев“",
    "ул. „Дунав“",
    "ул. „Иван Вазов“",
    "ул. „Люлин“",
    "ул. „Опълченска“",
    "ул. „Отец Паисий“",
    "ул. „Пирин“",
    "ул. „Раковски“",
    "ул. „Родопи“",
    "ул. „Стара планина“",
    "ул. „Хан Аспарух“",
    "ул. „Цар Симеон“",
];
const ENTRANCES: [char; 4] = ['А', 'Б', 'В', 'Г'];

/// What a customer is, as far as bills go.
pub(crate) struct Profile {
    pub(crate) customer: Customer,
    /// In a line, for the supply point.
    pub(crate) place: String,
    pub(crate) email: String,
    pub(crate) enrolled: bool,
}

/// The number of the customer in place `i`.
pub(crate) fn number(i: u32) -> CustomerNumber {
    let number = 1_000_000_000 + u64::from(i);
    match number.to_string().parse() {
        Ok(number) => number,
        Err(_) => unreachable!("ten digits are a customer number"),
    }
}

pub(crate) fn profile(seed: u64, i: u32) -> Profile {
    let mut chance = Chance::of(&[seed, 1, u64::from(i)]);
    let company = chance.percent(8);
    let english = chance.percent(6);
    let name = match (company, english) {
        (true, _) => format!("„{} {}“ ЕООД", chance.pick(&COMPANIES), 1 + i % 997),
        (false, true) => (*chance.pick(&FOREIGNERS)).to_owned(),
        (false, false) => person(&mut chance),
    };
    let address = address(&mut chance);
    let eik = company.then(|| numbers::eik(99_000_000 + chance.below(900_000)));
    let place = format!(
        "{} {}, {}",
        address.postcode,
        address.city,
        address.lines.join(", ")
    );
    let domain = chance.pick(&["example.com", "example.net", "example.org"]);
    let email = if company {
        format!("office.{i}@{domain}")
    } else {
        let words: Vec<String> = name.split(' ').map(latin).collect();
        match words.as_slice() {
            [first, .., last] => format!("{first}.{last}.{i}@{domain}"),
            _ => format!("klient.{i}@{domain}"),
        }
    };
    Profile {
        place,
        email,
        enrolled: chance.percent(40),
        customer: Customer {
            number: number(i),
            name,
            address,
            vat_number: eik.as_ref().map(|eik| format!("BG{eik}")),
            eik,
            // No Bulgarian telephone numbers are set aside for fiction.
            phone: None,
            language: if english { Language::En } else { Language::Bg },
        },
    }
}

fn person(chance: &mut Chance) -> String {
    let father = chance.pick(&MEN).1;
    let family = match chance.below(2) {
        0 => chance.pick(&MEN).1,
        _ => chance.pick(&FAMILIES),
    };
    if chance.percent(52) {
        let first = chance.pick(&WOMEN);
        format!("{first} {} {}", female(father), female(family))
    } else {
        let first = chance.pick(&MEN).0;
        format!("{first} {father} {family}")
    }
}

fn female(family: &str) -> String {
    match family.strip_suffix("ски") {
        Some(stem) => format!("{stem}ска"),
        None => format!("{family}а"),
    }
}

fn address(chance: &mut Chance) -> Address {
    let (city, postcode) = *chance.pick(&TOWNS);
    let street = chance.pick(&STREETS);
    let house = 1 + chance.below(120);
    let mut lines = vec![format!("{street} № {house}")];
    if chance.percent(65) {
        let floor = 1 + chance.below(8);
        lines.push(format!(
            "вх. {}, ет. {floor}, ап. {}",
            chance.pick(&ENTRANCES),
            floor * 3 - chance.below(3)
        ));
    }
    Address {
        lines,
        postcode: postcode.to_owned(),
        city: city.to_owned(),
        country: "BG".to_owned(),
    }
}

/// In Latin letters, as the Transliteration Act (Закон за транслитерацията) writes them.
fn latin(word: &str) -> String {
    const FROM: &str = "абвгдежзийклмнопрстуфхцчшщъьюя";
    const TO: [&str; 30] = [
        "a", "b", "v", "g", "d", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s",
        "t", "u", "f", "h", "ts", "ch", "sh", "sht", "a", "y", "yu", "ya",
    ];
    let mut text = String::new();
    for c in word.to_lowercase().chars() {
        match FROM.chars().position(|from| from == c) {
            Some(at) => text.push_str(TO[at]),
            None if c.is_ascii_alphanumeric() => text.push(c),
            None => {}
        }
    }
    text
}
