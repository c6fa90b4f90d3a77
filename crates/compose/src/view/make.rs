//! Makes the view of a bill: amounts, dates and quantities are written here.

use std::{
    borrow::Cow,
    fmt::{Display, Write},
};

use jiff::civil::Date;
use kvit_billing::{
    Address, Bill, BillKind, Cents, Language, Operator, PaperCode, Period,
    customer::Text,
    format::{self, Amount, Number, Price, ShortDate},
    operator::Brand,
    order::{BillOrder, Line, Meter, Reading, ReadingSource, Section},
    reference::{CreditorReference, Payee},
};
use rust_decimal::Decimal;

use super::{
    BrandView, CodesView, ComparedView, ContractView, CorrectsView, CustomerView, GroupView,
    HistoryView, LineView, MeterView, MonthView, OperatorView, PointView, ReadingView, SectionView,
    Shown, SourceView, StepView, SumView, VatView, View,
};
use crate::{ComposeError, Layout, codes::Codes};

/// A quantity above a bar of the chart has at most so many characters.
const LABEL_CHARS_MAX: usize = 5;

/// From so many kilowatt-hours a month on a chart may be in megawatt-hours. Smaller quantities are long only for their
/// decimals, and would be nothing.
const LARGE: Decimal = Decimal::from_parts(10_000, 0, 0, false, 0);

/// A line of an address has at most so many characters, if it has a comma to be broken at: a street with house,
/// entrance, floor and flat. Fewer would give half of all bills another shape.
const LINE_CHARS_MAX: usize = 50;

/// What is the same on all bills of an operator.
pub(crate) struct Issuer {
    bg: OperatorView,
    en: OperatorView,
    brand: BrandView,
    payee: Option<Payee>,
}

impl Issuer {
    pub(crate) fn new(layout: &Layout, operator: &Operator, brand: &Brand, has_logo: bool) -> Self {
        Self {
            bg: operator_view(layout, operator, Language::Bg),
            en: operator_view(layout, operator, Language::En),
            brand: BrandView {
                primary: brand.primary.clone(),
                accent: brand.accent.clone(),
                has_logo,
            },
            payee: Payee::of(operator),
        }
    }
}

/// What a view is made from beside the bill.
pub(crate) struct Maker<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) operator: &'a Operator,
    pub(crate) issuer: &'a Issuer,
    pub(crate) codes: &'a Codes,
}

impl<'a> Maker<'a> {
    pub(crate) fn view(&self, bill: &'a Bill, sample: bool) -> Result<View<'a>, ComposeError> {
        let order = &bill.order;
        let lang = bill.customer.language;
        let totals = &order.totals;
        let money = |cents| self.money(cents, lang);
        let number = |value| shown(value, lang);
        let short = |day| short(day, lang);
        let reference = bill.reference();
        let codes = self.square_codes(bill, &reference)?;
        let sums = section_sums(&order.lines);
        Ok(View {
            lang: lang.tag(),
            sample,
            kind: order.kind,
            number: Shown(bill.number),
            issue_date: short(bill.issue_date),
            tax_event_date: short(order.tax_event_date),
            due_date: format::long_date(order.due_date, lang),
            period: format::period(order.period, lang),
            corrects: order.corrects.as_ref().map(|original| CorrectsView {
                number: Shown(original.number),
                issue_date: short(original.issue_date),
                ground: self.text(&original.ground, lang),
            }),
            operator: match lang {
                Language::Bg => &self.issuer.bg,
                Language::En => &self.issuer.en,
            },
            brand: &self.issuer.brand,
            customer: CustomerView {
                number: bill.customer.number.as_str(),
                name: self.clean(&bill.customer.name),
                address: address(self.layout, &bill.customer.address),
                eik: bill.customer.eik.as_deref().map(|t| self.clean(t)),
                vat_number: bill.customer.vat_number.as_deref().map(|t| self.clean(t)),
            },
            code: bill.code.printed(),
            reference: Shown(reference),
            contract: self.contract(order, lang),
            state: match totals.to_pay.get() {
                1.. => "due",
                0 => "zero",
                _ => "credit",
            },
            to_pay_size: match chars(&money(totals.to_pay.abs())) {
                0..=9 => 1,
                10..=12 => 2,
                _ => 3,
            },
            to_pay: money(totals.to_pay.abs()),
            has_parts: totals.gross > Cents::ZERO
                && !totals.vat.is_negative()
                && sums.iter().all(|(_, net)| !net.is_negative()),
            sums: sums
                .iter()
                .scan(Cents::ZERO, |end, (section, net)| {
                    let from = *end;
                    *end += *net;
                    Some(SumView {
                        section: *section,
                        amount: money(*net),
                        from: share(from.to_decimal(), totals.gross.to_decimal()),
                        to: share(end.to_decimal(), totals.gross.to_decimal()),
                    })
                })
                .collect(),
            net: money(totals.net),
            vat: order
                .vat
                .iter()
                .map(|vat| VatView {
                    category: vat.category,
                    rate: number(vat.rate.normalize()),
                    base: money(vat.base),
                    amount: money(vat.amount),
                    exemption: vat.exemption.as_ref().map(|text| self.text(text, lang)),
                })
                .collect(),
            vat_total: money(totals.vat),
            gross: money(totals.gross),
            steps: self.steps(order, lang),
            points: self.points(order, lang),
            groups: self.groups(order, lang),
            history: self.history(order, lang),
            sources: order
                .sources
                .iter()
                .map(|source| SourceView {
                    name: self.text(&source.name, lang),
                    percent: number(source.percent.normalize()),
                    share: share(source.percent, Decimal::ONE_HUNDRED),
                })
                .collect(),
            notes: order
                .notes
                .iter()
                .map(|note| self.text(note, lang))
                .collect(),
            codes,
            verify_url: &bill.verify_url,
            enrol_url: &bill.enrol_url,
            alphabet: None,
        })
    }

    fn steps(&self, order: &'a BillOrder, lang: Language) -> Vec<StepView<'a>> {
        let totals = &order.totals;
        let balance = totals.carried_over;
        let carried = match balance.get() {
            1.. => "owed",
            0 => "settled",
            _ => "credit",
        };
        let all = [
            ("prepaid", -totals.prepaid),
            ("rounding", totals.rounding),
            (carried, balance),
        ];
        let step = |(key, cents): (&'static str, Cents)| StepView {
            label: self.word("sums", key, lang),
            amount: self.money(cents, lang),
        };
        let taken = all.into_iter().filter(|(_, cents)| *cents != Cents::ZERO);
        let mut steps: Vec<StepView<'_>> = taken.map(step).collect();
        if steps.is_empty() && order.kind == BillKind::Invoice {
            steps.push(step((carried, balance)));
        }
        steps
    }

    fn contract(&self, order: &'a BillOrder, lang: Language) -> ContractView<'a> {
        let contract = order.contract.as_ref();
        ContractView {
            number: contract
                .and_then(|contract| contract.number.as_deref())
                .map(|number| self.clean(number)),
            tariff: contract
                .and_then(|contract| contract.tariff.as_ref())
                .map(|tariff| self.text(tariff, lang)),
            ends: contract
                .and_then(|contract| contract.ends)
                .map(|ends| short(ends, lang)),
        }
    }

    fn points(&self, order: &'a BillOrder, lang: Language) -> Vec<PointView<'a>> {
        let points = order.supply_points.iter();
        points
            .map(|point| PointView {
                code: self.clean(&point.code),
                address: in_lines(&self.clean(&point.address)),
                network: point.network.as_ref().map(|name| self.text(name, lang)),
                meters: point
                    .meters
                    .iter()
                    .map(|meter| self.meter(meter, lang))
                    .collect(),
            })
            .collect()
    }

    fn meter(&self, meter: &'a Meter, lang: Language) -> MeterView<'a> {
        let reading = |reading: &Reading| ReadingView {
            date: short(reading.date, lang),
            value: shown(reading.value, lang),
            source: self.word("meters", source(reading.source), lang),
        };
        MeterView {
            serial: self.clean(&meter.serial),
            register: meter.register.as_ref().map(|name| self.text(name, lang)),
            old: reading(&meter.old),
            new: reading(&meter.new),
            multiplier: (meter.multiplier != Decimal::ONE)
                .then(|| shown(meter.multiplier.normalize(), lang)),
            consumption: shown(meter.consumption, lang),
            unit: self.word("units", &meter.unit, lang),
        }
    }

    /// The lines by supply point in the points' order, those of no point last; within a point by
    /// section.
    fn groups(&self, order: &'a BillOrder, lang: Language) -> Vec<GroupView<'a>> {
        let mut points: Vec<Option<&str>> = order
            .supply_points
            .iter()
            .map(|point| Some(point.code.as_str()))
            .collect();
        for line in &order.lines {
            let point = line.supply_point.as_deref();
            if point.is_some() && !points.contains(&point) {
                points.push(point);
            }
        }
        points.push(None);
        let lines_of = |point: Option<&str>| -> Vec<&Line> {
            let lines = order.lines.iter();
            lines
                .filter(|line| line.supply_point.as_deref() == point)
                .collect()
        };
        let mut groups = Vec::new();
        for point in points {
            let mut lines = lines_of(point);
            if lines.is_empty() {
                continue;
            }
            lines.sort_by_key(|line| line.section);
            let sections = lines
                .chunk_by(|a, b| a.section == b.section)
                .filter_map(|lines| {
                    Some(SectionView {
                        section: lines.first()?.section,
                        lines: lines
                            .iter()
                            .map(|line| self.line(line, order, lang))
                            .collect(),
                    })
                })
                .collect();
            groups.push(GroupView {
                point: point.map(|code| self.clean(code)),
                sections,
            });
        }
        groups
    }

    fn line(&self, line: &'a Line, order: &'a BillOrder, lang: Language) -> LineView<'a> {
        let other = line.period.filter(|period| *period != order.period);
        LineView {
            name: self.text(&line.name, lang),
            period: other.map(|period| span(period, lang)),
            quantity: shown(line.quantity, lang),
            unit: self.unit(&line.unit, line.quantity, lang),
            price: Shown(Price {
                value: line.unit_price,
                currency: self.operator.currency,
                language: lang,
            }),
            per: (line.price_base != Decimal::ONE)
                .then(|| shown(line.price_base.normalize(), lang)),
            price_unit: self.unit(&line.unit, line.price_base, lang),
            net: self.money(line.net, lang),
        }
    }

    /// The unit of so much: one day, two days.
    fn unit(&self, unit: &'a str, of: Decimal, lang: Language) -> Cow<'a, str> {
        let one = (of == Decimal::ONE).then(|| self.layout.word(lang.tag(), "unit", unit));
        match one.flatten() {
            Some(word) => self.clean(word),
            None => self.word("units", unit, lang),
        }
    }

    fn history(&self, order: &'a BillOrder, lang: Language) -> Option<HistoryView<'a>> {
        let history = order.history.as_ref()?;
        let last = history.months.last()?;
        let peak = history.months.iter().map(|month| month.quantity).max()?;
        let compared = history
            .months
            .iter()
            .find(|month| {
                month.month.month() == last.month.month()
                    && month.month.year() + 1 == last.month.year()
                    && !month.quantity.is_zero()
            })
            .map(|before| {
                let change =
                    (last.quantity - before.quantity) * Decimal::ONE_HUNDRED / before.quantity;
                let percent = change.round();
                let sign = if percent > Decimal::ZERO { "+" } else { "" };
                ComparedView {
                    change: format!("{sign}{}\u{a0}%", shown(percent, lang).0),
                    month: format::period(Period::month_of(before.month), lang),
                }
            });
        let months = history.months.iter();
        let ends = history.months.len() - 1;
        let is_short = |quantity: Decimal| chars(&shown(quantity, lang)) <= LABEL_CHARS_MAX;
        let fits = months.clone().all(|month| is_short(month.quantity));
        let in_thousands = !fits && history.unit == "KWH" && peak >= LARGE;
        let told = |quantity: Decimal| match in_thousands {
            true => thousands(quantity, peak),
            false => quantity,
        };
        Some(HistoryView {
            unit: match in_thousands {
                true => self.word("units", "MWH", lang),
                false => self.word("units", &history.unit, lang),
            },
            peak: shown(told(peak), lang),
            labels: months.clone().all(|month| is_short(told(month.quantity))),
            compared,
            months: months
                .enumerate()
                .map(|(i, month)| MonthView {
                    label: format::short_month(month.month, lang),
                    year: Shown(month.month.year()),
                    shows_year: i == 0 || i == ends,
                    is_marked: month.month.month() == last.month.month(),
                    quantity: shown(told(month.quantity), lang),
                    share: share(month.quantity, peak),
                })
                .collect(),
        })
    }

    fn square_codes(
        &self,
        bill: &Bill,
        reference: &CreditorReference,
    ) -> Result<CodesView, ComposeError> {
        let refused = |what| move |source| ComposeError::Code { what, source };
        let payee = self.issuer.payee.as_ref();
        let payment = payee.and_then(|payee| payee.payment(bill.order.totals.to_pay, reference));
        let slip = PaperCode {
            eik: self.operator.eik.clone(),
            account: bill.customer.number.clone(),
            on: bill.number.to_string(),
        };
        Ok(CodesView {
            payment: payment
                .map(|text| self.codes.qr(&text))
                .transpose()
                .map_err(refused("payment"))?,
            verify: self
                .codes
                .qr(bill.filled_url().expose())
                .map_err(refused("verification"))?,
            enrol: self
                .codes
                .qr(&bill.enrol_url)
                .map_err(refused("enrolment"))?,
            slip: self
                .codes
                .data_matrix(&slip.to_string())
                .map_err(refused("declaration"))?,
        })
    }

    fn money(&self, cents: Cents, language: Language) -> Shown<Amount> {
        Shown(Amount {
            cents,
            currency: self.operator.currency,
            language,
        })
    }

    /// A word of the layout's texts; the key itself where the texts have none.
    fn word(&self, table: &str, key: &'a str, lang: Language) -> Cow<'a, str> {
        self.clean(self.layout.word(lang.tag(), table, key).unwrap_or(key))
    }

    fn text(&self, text: &'a Text, lang: Language) -> Cow<'a, str> {
        self.clean(text.get(lang))
    }

    fn clean(&self, text: &'a str) -> Cow<'a, str> {
        clean(self.layout, text)
    }
}

fn operator_view(layout: &Layout, operator: &Operator, lang: Language) -> OperatorView {
    let clean = |text: &str| clean(layout, text).into_owned();
    let text = |text: &Text| clean(text.get(lang));
    let own = match lang {
        Language::Bg => &operator.address,
        Language::En => &operator.address_en,
    };
    OperatorView {
        name: text(&operator.name),
        short_name: text(&operator.short_name),
        eik: clean(&operator.eik),
        vat_number: clean(&operator.vat_number),
        address: address(layout, own)
            .into_iter()
            .map(Cow::into_owned)
            .collect(),
        iban: in_fours(&operator.iban),
        bic: clean(&operator.bic),
        hotline: clean(&operator.hotline),
        email: clean(&operator.email),
        website: clean(bare_address(&operator.website)),
        complaints: text(&operator.complaints),
        dispute_body: text(&operator.dispute_body),
        switching: text(&operator.switching),
    }
}

/// Lines of an address, the country where it is another one. What stands before the town is one line wherever it
/// fits one: an address with a flat has the shape of one without.
fn address<'a>(layout: &Layout, address: &'a Address) -> Vec<Cow<'a, str>> {
    let town = format!("{} {}", address.postcode, address.city);
    let town = clean(layout, &town).into_owned();
    let country = (address.country != "BG").then_some(address.country.as_str());
    let lines = address.lines.iter().map(|line| clean(layout, line));
    let mut lines: Vec<_> = lines.filter(|line| !line.is_empty()).collect();
    if lines.len() > 1 {
        let joined = lines.join(", ");
        if joined.chars().count() <= LINE_CHARS_MAX {
            lines = vec![Cow::Owned(joined)];
        }
    }
    lines.push(Cow::Owned(town));
    lines.extend(country.map(|country| clean(layout, country)));
    lines.retain(|line| !line.is_empty());
    lines
}

/// Longer words than any language has; one would run beyond the page's edge.
const WORD_CHARS_MAX: usize = 40;
/// Where such a word may be broken: each so many characters, which fit the narrowest column.
const WORD_PART_CHARS: usize = 8;
/// No line begins with these, even behind a space (UAX 14, LB13): a name in letters that no font has would be one line.
const NEVER_FIRST: [char; 9] = ['?', '!', ')', ']', '}', '/', ',', ';', ':'];
/// A place for a new line that is seen nowhere else.
const MAY_BREAK: char = '\u{200b}';

/// The text as the fonts can show it: PDF/A forbids a character without a glyph, and a run of two
/// million bills must not stop at one emoji in a name. Words that are longer than a line may be broken.
fn clean<'a>(layout: &Layout, text: &'a str) -> Cow<'a, str> {
    let text = text.trim();
    let (mut count, mut are_shown) = (0, true);
    for c in text.chars() {
        are_shown &= !c.is_control() && layout.can_print(c);
        count += 1;
    }
    let is_long = count > WORD_CHARS_MAX;
    let is_odd =
        |word: &str| word.starts_with(NEVER_FIRST) || word.chars().nth(WORD_CHARS_MAX).is_some();
    let odd = is_long && text.split(char::is_whitespace).any(is_odd);
    if !odd && are_shown {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut in_word = 0;
    for c in text.chars() {
        let c = match c {
            c if c.is_control() => ' ',
            c if layout.can_print(c) => c,
            _ => '?',
        };
        in_word = if c.is_whitespace() { 0 } else { in_word + 1 };
        let late = in_word > WORD_CHARS_MAX && in_word % WORD_PART_CHARS == 1;
        if is_long && (late || (in_word == 1 && !out.is_empty() && NEVER_FIRST.contains(&c))) {
            out.push(MAY_BREAK);
        }
        out.push(c);
    }
    Cow::Owned(out)
}

fn section_sums(lines: &[Line]) -> Vec<(Section, Cents)> {
    let mut sums: Vec<(Section, Cents)> = Vec::new();
    for line in lines {
        match sums
            .iter_mut()
            .find(|(section, _)| *section == line.section)
        {
            Some((_, sum)) => *sum += line.net,
            None => sums.push((line.section, line.net)),
        }
    }
    sums.sort_by_key(|(section, _)| *section);
    sums
}

/// The key of a kind of reading in the layout's texts.
const fn source(source: ReadingSource) -> &'static str {
    match source {
        ReadingSource::Measured => "measured",
        ReadingSource::Estimated => "estimated",
        ReadingSource::Customer => "customer",
    }
}

/// Thousands of a quantity as a chart says it: to a tenth, from a thousand of them on whole.
fn thousands(quantity: Decimal, peak: Decimal) -> Decimal {
    let decimals = u32::from(peak < Decimal::from(1_000_000));
    let mut thousands = quantity / Decimal::ONE_THOUSAND;
    thousands.rescale(decimals);
    thousands
}

/// To four decimals, for drawing only, where a pixel is coarse enough for a float.
fn share(part: Decimal, whole: Decimal) -> f64 {
    let float = |number: Decimal| number.mantissa() as f64 / 10_f64.powi(number.scale() as i32);
    if whole.is_zero() {
        return 0.0;
    }
    (float(part) / float(whole) * 10_000.0).round() / 10_000.0
}

fn shown(value: Decimal, language: Language) -> Shown<Number> {
    Shown(Number { value, language })
}

fn short(day: Date, language: Language) -> Shown<ShortDate> {
    Shown(ShortDate { day, language })
}

/// How many characters a text has.
fn chars(text: &Shown<impl Display>) -> usize {
    let mut count = Chars(0);
    let _ = write!(count, "{}", text.0);
    count.0
}

/// Counts the characters of what is written.
struct Chars(usize);

impl Write for Chars {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

fn span(period: Period, lang: Language) -> String {
    let [from, to] = [period.from, period.to].map(|day| short(day, lang).0);
    format!("{from}\u{a0}–\u{a0}{to}")
}

/// A one-line address, broken at commas: into two lines as equal as can be, where they are short enough. A short
/// address has the shape of a long one so.
fn in_lines(address: &str) -> Vec<String> {
    let parts: Vec<&str> = address
        .split(", ")
        .filter(|part| !part.is_empty())
        .collect();
    let longest = |at: &usize| {
        let (first, second) = parts.split_at(*at);
        line_chars(first).max(line_chars(second))
    };
    let halves = (1..parts.len()).min_by_key(longest);
    match halves.filter(|at| longest(at) <= LINE_CHARS_MAX) {
        Some(at) => {
            let (first, second) = parts.split_at(at);
            vec![first.join(", "), second.join(", ")]
        }
        None => filled_lines(&parts),
    }
}

/// As few lines as can be.
fn filled_lines(parts: &[&str]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line_chars(&[line, part]) <= LINE_CHARS_MAX => {
                line.push_str(", ");
                line.push_str(part);
            }
            _ => lines.push((*part).to_owned()),
        }
    }
    lines
}

/// How many characters these parts have as a line.
fn line_chars(parts: &[&str]) -> usize {
    let chars = parts.iter().map(|part| part.chars().count());
    chars.sum::<usize>() + 2 * parts.len().saturating_sub(1)
}

/// An IBAN in groups of four.
fn in_fours(text: &str) -> String {
    let compact: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).collect();
    let groups: Vec<String> = compact
        .chunks(4)
        .map(|four| four.iter().collect())
        .collect();
    groups.join("\u{a0}")
}

/// An address of the web as people write it.
fn bare_address(url: &str) -> &str {
    let bare = url
        .trim_start_matches("https://")
        .trim_start_matches("http://");
    bare.trim_end_matches('/')
}
