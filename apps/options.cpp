#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "base/error.h"
#include "base/nearest.h"

namespace transept::cli {
namespace {

template <class T>
T parse_number(const std::string& name, const std::string& text, T least, T most) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || !(number >= least && number <= most)) {
    const std::string_view kind = std::is_integral_v<T> ? "a whole number" : "a number";
    if (most == std::numeric_limits<T>::max())
      fail(ErrorCode::usage, "--{} {}: expected {} from {} up", name, text, kind, least);
    fail(ErrorCode::usage, "--{} {}: expected {} from {} to {}", name, text, kind, least, most);
  }
  return number;
}

bool parse_bool(const std::string& name, const std::string& text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  fail(ErrorCode::usage, "--{} {}: expected true or false", name, text);
}

bool looks_like_ids(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isdigit(c) != 0 || c == ' ';
  });
}

std::string joined(const std::vector<std::string>& words, std::string_view separator) {
  return fmt::format("{}", fmt::join(words, separator));
}

}  // namespace

std::string Option::environment() const {
  std::string variable = "TRANSEPT_" + name;
  for (char& c : variable)
    c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return variable;
}

Option& Options::add(const std::string& name, const std::string& value, const std::string& help) {
  Option option;
  option.name = name;
  option.value = value;
  option.help = help;
  options_.push_back(std::move(option));
  return options_.back();
}

void Options::flag(const std::string& name, bool& target, const std::string& help) {
  Option& option = add(name, "", help);
  option.takes = Option::Takes::nothing;
  option.set = [name, &target](const std::string& text) { target = parse_bool(name, text); };
}

void Options::text(const std::string& name, const std::string& value, std::string& target,
                   const std::string& help) {
  add(name, value, help).set = [&target](const std::string& text) { target = text; };
}

void Options::text(const std::string& name, const std::string& value,
                   std::optional<std::string>& target, const std::string& help) {
  add(name, value, help).set = [&target](const std::string& text) { target = text; };
}

void Options::texts(const std::string& name, const std::string& value,
                    std::vector<std::string>& target, const std::string& help) {
  Option& option = add(name, value, help);
  option.repeats = true;
  option.set = [&target](const std::string& text) { target.push_back(text); };
}

void Options::choice(const std::string& name, const std::vector<std::string>& choices,
                     std::string& target, const std::string& help) {
  Option& option = add(name, joined(choices, "|"), help);
  option.choices = choices;
  option.set = [name, choices, &target](const std::string& text) {
    check(std::find(choices.begin(), choices.end(), text) != choices.end(), ErrorCode::usage,
          "--{} {}: expected one of {}", name, text, [&] { return joined(choices, ", "); });
    target = text;
  };
}

void Options::number(const std::string& name, int& target, int least, int most,
                     const std::string& help) {
  add(name, "N", help).set = [=, &target](const std::string& text) {
    target = parse_number<int>(name, text, least, most);
  };
}

void Options::number(const std::string& name, std::optional<int>& target, int least, int most,
                     const std::string& help) {
  add(name, "N", help).set = [=, &target](const std::string& text) {
    target = parse_number<int>(name, text, least, most);
  };
}

void Options::number(const std::string& name, std::optional<std::uint64_t>& target,
                     const std::string& help) {
  add(name, "N", help).set = [=, &target](const std::string& text) {
    target = parse_number<std::uint64_t>(name, text, 0, std::numeric_limits<std::uint64_t>::max());
  };
}

void Options::real(const std::string& name, std::optional<double>& target, double least,
                   double most, const std::string& help) {
  add(name, "X", help).set = [=, &target](const std::string& text) {
    target = parse_number<double>(name, text, least, most);
  };
}

void Options::ids(const std::string& name, bool& flag, std::string& target,
                  const std::string& help) {
  Option& option = add(name, "", help);
  option.takes = Option::Takes::maybe_ids;
  option.set = [name, &flag, &target](const std::string& text) {
    if (text == "true" || text == "false") {
      flag = text == "true";
      return;
    }
    flag = true;
    target = text;
  };
}

void Options::positional(const std::string& name, std::string& target, const std::string& help) {
  Option option;
  option.name = name;
  option.help = help;
  option.set = [&target](const std::string& text) { target = text; };
  positionals_.push_back(std::move(option));
}

void Options::positionals(const std::string& name, std::vector<std::string>& target,
                          const std::string& help) {
  Option option;
  option.name = name;
  option.help = help;
  option.repeats = true;
  option.set = [&target](const std::string& text) { target.push_back(text); };
  positionals_.push_back(std::move(option));
}

Option* Options::find(std::string_view name) {
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& option) { return option.name == name; });
  return found == options_.end() ? nullptr : &*found;
}

Option& Options::known(std::string_view name) {
  if (Option* option = find(name)) return *option;
  std::vector<std::string> names;
  for (const Option& option : options_) names.push_back(option.name);
  const std::string nearest = nearest_word(name, names, 2);
  if (!nearest.empty())
    fail(ErrorCode::usage, "unknown option --{}; did you mean --{}?", name, nearest);
  fail(ErrorCode::usage, "unknown option --{}", name);
}

void Options::parse(const std::vector<std::string>& arguments) {
  size_t used = 0;  // positionals
  bool only_positionals = false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string& word = arguments[i];
    if (!only_positionals && word == "--") {
      only_positionals = true;
      continue;
    }
    if (only_positionals || word.size() < 2 || word[0] != '-') {
      check(used < positionals_.size(), ErrorCode::usage, "unexpected argument '{}'", word);
      positionals_[used].origin = Origin::command_line;
      positionals_[used].set(word);
      if (!positionals_[used].repeats) ++used;
      continue;
    }
    check(word[1] == '-', ErrorCode::usage, "unknown option {}; options are spelled --name", word);
    const size_t equals = word.find('=');
    Option& option = known(std::string_view(word).substr(2, equals - 2));
    const bool is_single = option.takes != Option::Takes::nothing && !option.repeats;
    check(!is_single || option.origin == Origin::none, ErrorCode::usage,
          "--{} is given twice; it takes one value", option.name);
    option.origin = Origin::command_line;
    const bool has_next = i + 1 < arguments.size();
    if (equals != std::string::npos) {
      option.set(word.substr(equals + 1));
    } else if (option.takes == Option::Takes::value) {
      check(has_next, ErrorCode::usage, "--{} needs a value ({})", option.name, option.value);
      option.set(arguments[++i]);
    } else if (option.takes == Option::Takes::maybe_ids && has_next &&
               looks_like_ids(arguments[i + 1])) {
      option.set(arguments[++i]);
    } else {
      option.set("true");
    }
  }
}

void Options::read_environment() {
  const auto fill = [](Option& option) {
    if (option.origin != Origin::none) return;
    const std::string variable = option.environment();
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr || *value == '\0') return;
    try {
      option.set(value);
    } catch (const Error& error) {
      fail(error.code(), "{} (from the environment variable {})", error.what(), variable);
    }
    option.origin = Origin::environment;
  };
  for (Option& option : options_) fill(option);
  for (Option& option : positionals_) fill(option);
}

Origin Options::origin(std::string_view name) const {
  for (const Option& option : options_)
    if (option.name == name) return option.origin;
  for (const Option& option : positionals_)
    if (option.name == name) return option.origin;
  return Origin::none;
}

std::string Options::one_of(const std::vector<std::string>& names) {
  for (const Origin level : {Origin::command_line, Origin::environment}) {
    std::string chosen;
    for (const std::string& name : names) {
      if (origin(name) != level) continue;
      check(chosen.empty(), ErrorCode::usage, "--{} and --{} exclude each other: give one", chosen,
            name);
      chosen = name;
    }
    if (!chosen.empty()) return chosen;
  }
  return "";
}

std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& what) {
  std::vector<std::int32_t> ids;
  size_t at = 0;
  while (at < text.size()) {
    if (text[at] == ' ' || text[at] == '\t' || text[at] == '\r') {
      ++at;
      continue;
    }
    const size_t end = std::min(text.find_first_of(" \t\r", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    std::int32_t id = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    check(error == std::errc{} && stop == word.data() + word.size() && id >= 0, ErrorCode::bad_data,
          "{}: '{}' is not a token id; expected numbers separated by spaces", what,
          word.substr(0, 40));
    ids.push_back(id);
    at = end;
  }
  return ids;
}

}  // namespace transept::cli
