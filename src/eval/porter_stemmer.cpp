#include "eval/porter_stemmer.h"

#include <initializer_list>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace transept {
namespace {

// For each letter whether it is a consonant; y is one where no consonant stands before it.
std::vector<bool> consonants(std::string_view word) {
  std::vector<bool> flags;
  flags.reserve(word.size());
  for (const char c : word) {
    if (c == 'y') {
      flags.push_back(flags.empty() || !flags.back());
    } else {
      flags.push_back(c != 'a' && c != 'e' && c != 'i' && c != 'o' && c != 'u');
    }
  }
  return flags;
}

// m of [C](VC){m}[V]: how often a consonant follows a vowel.
int measure(std::string_view stem) {
  const std::vector<bool> flags = consonants(stem);
  int m = 0;
  for (size_t i = 1; i < flags.size(); ++i) m += !flags[i - 1] && flags[i] ? 1 : 0;
  return m;
}

bool has_vowel(std::string_view stem) {
  for (const bool is_consonant : consonants(stem))
    if (!is_consonant) return true;
  return false;
}

bool ends_with_double_consonant(std::string_view word) {
  const size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && consonants(word).back();
}

// Consonant, vowel, consonant other than w, x, y; of two letters: vowel, consonant.
bool ends_cvc(std::string_view word) {
  const std::vector<bool> is = consonants(word);
  const size_t n = word.size();
  if (n == 2) return !is[0] && is[1];
  const char last = n > 0 ? word[n - 1] : 'w';
  return n >= 3 && is[n - 3] && !is[n - 2] && is[n - 1] && last != 'w' && last != 'x' &&
         last != 'y';
}

struct Rule {
  std::string_view suffix;
  std::string_view replacement;
};

// The first rule whose suffix the word has decides: it is applied if the stem's measure is above
// `least`, and no other is tried.
std::string apply(std::string word, std::span<const Rule> rules, int least) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const std::string_view stem =
        std::string_view(word).substr(0, word.size() - rule.suffix.size());
    if (measure(stem) <= least) return word;
    return std::string(stem) + std::string(rule.replacement);
  }
  return word;
}

std::string plurals(std::string word) {
  const size_t n = word.size();
  if (word.ends_with("ies")) return word.substr(0, n == 4 ? n - 1 : n - 2);
  if (word.ends_with("sses")) return word.substr(0, n - 2);
  if (word.ends_with("s") && !word.ends_with("ss")) return word.substr(0, n - 1);
  return word;
}

// What -ed and -ing leave is made a word again: hopp -> hop, fil -> file, conflat -> conflate.
std::string repaired(std::string stem) {
  if (stem.ends_with("at") || stem.ends_with("bl") || stem.ends_with("iz")) return stem + "e";
  if (ends_with_double_consonant(stem)) {
    const char last = stem.back();
    if (last != 'l' && last != 's' && last != 'z') stem.pop_back();
    return stem;
  }
  return measure(stem) == 1 && ends_cvc(stem) ? stem + "e" : stem;
}

std::string past_and_progressive(std::string word) {
  const size_t n = word.size();
  if (word.ends_with("ied")) return word.substr(0, n == 4 ? n - 1 : n - 2);
  if (word.ends_with("eed"))
    return measure(word.substr(0, n - 3)) > 0 ? word.substr(0, n - 1) : word;
  for (const std::string_view suffix : {"ed", "ing"}) {
    if (!word.ends_with(suffix)) continue;
    const std::string stem = word.substr(0, n - suffix.size());
    if (has_vowel(stem)) return repaired(stem);
  }
  return word;
}

std::string final_y(std::string word) {
  if (word.size() > 2 && word.back() == 'y' && consonants(word)[word.size() - 2]) word.back() = 'i';
  return word;
}

std::string double_suffixes(std::string word) {
  static constexpr Rule kRules[] = {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"},
                                    {"anci", "ance"},   {"izer", "ize"},    {"bli", "ble"},
                                    {"alli", "al"},     {"entli", "ent"},   {"eli", "e"},
                                    {"ousli", "ous"},   {"ization", "ize"}, {"ation", "ate"},
                                    {"ator", "ate"},    {"alism", "al"},    {"iveness", "ive"},
                                    {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},
                                    {"iviti", "ive"},   {"biliti", "ble"},  {"fulli", "ful"}};
  while (word.ends_with("alli") && measure(word.substr(0, word.size() - 4)) > 0)
    word.resize(word.size() - 2);
  // The l of -logi counts as part of the stem.
  if (word.ends_with("logi"))
    return measure(word.substr(0, word.size() - 3)) > 0 ? word.substr(0, word.size() - 1) : word;
  return apply(std::move(word), kRules, 0);
}

std::string adjectives(std::string word) {
  static constexpr Rule kRules[] = {{"icate", "ic"}, {"ative", ""},  {"alize", "al"},
                                    {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""},
                                    {"ness", ""}};
  return apply(std::move(word), kRules, 0);
}

std::string long_suffixes(std::string word) {
  static constexpr Rule kBefore[] = {{"al", ""},    {"ance", ""}, {"ence", ""}, {"er", ""},
                                     {"ic", ""},    {"able", ""}, {"ible", ""}, {"ant", ""},
                                     {"ement", ""}, {"ment", ""}, {"ent", ""}};
  static constexpr Rule kAfter[] = {{"ou", ""},  {"ism", ""}, {"ate", ""}, {"iti", ""},
                                    {"ous", ""}, {"ive", ""}, {"ize", ""}};
  if (word.ends_with("ion")) {  // only after s or t
    const std::string stem = word.substr(0, word.size() - 3);
    return measure(stem) > 1 && (stem.back() == 's' || stem.back() == 't') ? stem : word;
  }
  for (const Rule& rule : kBefore)
    if (word.ends_with(rule.suffix)) return apply(std::move(word), kBefore, 1);
  return apply(std::move(word), kAfter, 1);
}

std::string final_e_and_l(std::string word) {
  if (word.ends_with("e")) {
    const std::string stem = word.substr(0, word.size() - 1);
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !ends_cvc(stem))) word = stem;
  }
  if (word.ends_with("ll") && measure(word.substr(0, word.size() - 1)) > 1) word.pop_back();
  return word;
}

// Irregular forms, as NLTK lists them.
std::string_view irregular(std::string_view word) {
  static constexpr std::pair<std::string_view, std::string_view> kForms[] = {
      {"sky", "sky"},        {"skies", "sky"},        {"dying", "die"},
      {"lying", "lie"},      {"tying", "tie"},        {"news", "news"},
      {"innings", "inning"}, {"inning", "inning"},    {"outings", "outing"},
      {"outing", "outing"},  {"cannings", "canning"}, {"canning", "canning"},
      {"howe", "howe"},      {"proceed", "proceed"},  {"exceed", "exceed"},
      {"succeed", "succeed"}};
  for (const auto& [form, stem] : kForms)
    if (form == word) return stem;
  return {};
}

}  // namespace

std::string porter_stem(std::string word) {
  if (const std::string_view stem = irregular(word); !stem.empty()) return std::string(stem);
  if (word.size() <= 2) return word;
  word = plurals(std::move(word));
  word = past_and_progressive(std::move(word));
  word = final_y(std::move(word));
  word = double_suffixes(std::move(word));
  word = adjectives(std::move(word));
  word = long_suffixes(std::move(word));
  return final_e_and_l(std::move(word));
}

}  // namespace transept
