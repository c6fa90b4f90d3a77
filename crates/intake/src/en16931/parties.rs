//! Who bills whom, for which place, and what is corrected.

use kvit_billing::{
    BillNumber, Currency, Customer, Language,
    customer::Text,
    order::{Correction, Line, SupplyPoint},
};

use super::{
    SellerParty,
    reader::{Reader, account, all, date, first, one_line, own_text, text},
};

impl Reader<'_, '_, '_> {
    pub(super) fn correction(&mut self, notes: &[Text]) -> Option<Correction> {
        let s = self.s;
        let node = all(self.root, s.corrected).into_iter().next();
        let node = self.need(self.root, "BG-3", "corrected", node)?;
        let number = self.must(node, "BT-25", "digits", text(node, s.corrected_id), |t| {
            let ten = t.len() == 10 && t.bytes().all(|b| b.is_ascii_digit());
            ten.then(|| t.parse().ok().and_then(BillNumber::new))
                .flatten()
        });
        let issued = self.must(node, "BT-26", "date", text(node, s.corrected_date), date);
        let ground = self.need(self.root, "BT-22", "ground", notes.first());
        Some(Correction {
            number: number?,
            issue_date: issued?,
            ground: ground?.clone(),
        })
    }

    pub(super) fn customer(&mut self, contract: Option<&str>) -> Option<Customer> {
        let s = self.s;
        let buyer = all(self.root, s.buyer).into_iter().next();
        let buyer = self.need(self.root, "BG-7", "buyer", buyer)?;
        let name = self.need(buyer, "BT-44", "buyer-name", first(buyer, s.party_names));
        let address = self.party_address(buyer);
        let legal = text(buyer, s.legal_id);
        let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
        // ten digits may be a Bulgarian's personal number, which is never kept
        let not_personal = |t: &String| !(address.country == "BG" && digits(t, 10));
        let number = [
            first(buyer, s.party_ids),
            contract.map(str::to_owned),
            text(buyer, s.endpoint).filter(not_personal),
            legal.clone().filter(not_personal),
        ]
        .into_iter()
        .flatten()
        .find_map(|t| account(&t));
        let number = self.need(buyer, "BT-46", "buyer-id", number);
        Some(Customer {
            number: number?,
            name: one_line(&name?),
            eik: legal.filter(|t| digits(t, 9) || digits(t, 13)),
            vat_number: self.vat_number(buyer),
            phone: None,
            language: Language::default(),
            address,
        })
    }

    pub(super) fn seller(&mut self, currency: Currency) -> Option<SellerParty> {
        let s = self.s;
        let party = all(self.root, s.seller).into_iter().next();
        let party = self.need(self.root, "BG-4", "seller", party)?;
        let name = self.need(party, "BT-27", "seller-name", first(party, s.party_names))?;
        let mut ids = Vec::new();
        for path in s.party_ids.iter().chain([&s.legal_id]) {
            ids.extend(all(party, path).into_iter().filter_map(own_text));
        }
        Some(SellerParty {
            name: one_line(&name),
            ids,
            vat_number: self.vat_number(party),
            address: self.party_address(party),
            iban: first(self.root, s.iban),
            currency,
        })
    }

    pub(super) fn supply_points(&self, lines: &[Line]) -> Vec<SupplyPoint> {
        let s = self.s;
        let address = all(self.root, s.place).first().map(|n| {
            let a = self.address(*n);
            let town = format!("{} {}", a.postcode, a.city).trim().to_owned();
            let parts: Vec<String> = a.lines.into_iter().chain([town]).collect();
            parts
                .iter()
                .map(|part| part.trim_end_matches(','))
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", ")
        });
        let mut codes: Vec<String> = self.point(self.root, s.reference).into_iter().collect();
        for code in lines.iter().filter_map(|l| l.supply_point.clone()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        if codes.is_empty() {
            codes.extend(first(self.root, s.place_id));
        }
        let address = address.filter(|_| codes.len() == 1).unwrap_or_default();
        codes
            .into_iter()
            .map(|code| SupplyPoint {
                code,
                address: address.clone(),
                network: None,
                meters: Vec::new(),
            })
            .collect()
    }
}
