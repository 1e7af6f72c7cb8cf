//! Texts that stand for categories: aliases, and the same words written otherwise.

use super::{FieldRules, Normalization};
use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;

/// The texts that stand for a field's categories.
#[derive(Debug)]
pub(super) struct Renames {
    aliases: HashMap<String, String>,
    normalize: Vec<Normalization>,
    /// Categories, and what aliases mean, by their normal forms; `None` where several have one form.
    normal: HashMap<String, Option<String>>,
}

impl Renames {
    /// `None` where the rules name none.
    pub fn new(rules: &FieldRules) -> Option<Renames> {
        if rules.aliases.is_empty() && rules.normalize.is_empty() {
            return None;
        }
        let aliases: HashMap<String, String> = rules.aliases.clone().into_iter().collect();
        let normalize = rules.normalize.clone();
        let mut renames = Renames { aliases, normalize, normal: HashMap::new() };
        for (alias, category) in &rules.aliases {
            renames.learn(alias, category);
        }
        Some(renames)
    }

    /// Whether categories have to be learned.
    pub fn wants_categories(&self) -> bool {
        !self.normalize.is_empty()
    }

    /// Takes the normal form of `text` for `category`.
    pub fn learn(&mut self, text: &str, category: &str) {
        if self.normalize.is_empty() {
            return;
        }
        let meant = self.normal.entry(self.normal_form(text)).or_insert_with(|| Some(category.to_owned()));
        if meant.as_deref() != Some(category) {
            *meant = None;
        }
    }

    /// The category that `text` stands for.
    pub fn find(&self, text: &str, knows: &dyn Fn(&str) -> bool) -> Option<&str> {
        let alias = self.aliases.get(text);
        let normal = || self.normal.get(&self.normal_form(text))?.as_ref();
        alias
            .or_else(|| if self.normalize.is_empty() { None } else { normal() })
            .map(String::as_str)
            .filter(|text| knows(text))
    }

    fn normal_form(&self, text: &str) -> String {
        let mut form = text.to_owned();
        if self.normalize.contains(&Normalization::Unicode) {
            form = form.nfkc().collect();
        }
        if self.normalize.contains(&Normalization::Case) {
            form = form.to_lowercase();
        }
        if self.normalize.contains(&Normalization::Whitespace) {
            form = form.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        form
    }
}
