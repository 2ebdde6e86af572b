#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/hash.h"
#include "base/json_nodes.h"
#include "base/json_problem.h"

namespace transept {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr int kMaxDepth = 256;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes digits off the front of `text`; how many there were.
size_t take_digits(std::string_view& text) {
  size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  text.remove_prefix(n);
  return n;
}

enum class Spelling { none, integer, decimal };

// RFC 8259, section 6: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
Spelling spelling_of(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const bool zero = text.starts_with('0');
  const size_t digits = take_digits(text);
  if (digits == 0 || (zero && digits > 1)) return Spelling::none;
  if (text.empty()) return Spelling::integer;
  if (text.front() == '.') {
    text.remove_prefix(1);
    if (take_digits(text) == 0) return Spelling::none;
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    if (take_digits(text) == 0) return Spelling::none;
  }
  return text.empty() ? Spelling::decimal : Spelling::none;
}

// A number whose magnitude no double has is infinite if it is large and zero if it is small, as in
// Python. It is large if its first digit that is not 0 stands at 10^0 or above.
double beyond_double(std::string_view text) {
  const double sign = text.starts_with('-') ? -1 : 1;
  const size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, e);
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  const size_t first = mantissa.find_first_of("123456789");
  int64_t exponent = 0;
  if (e < text.size()) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const bool negative = digits.starts_with('-');
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    constexpr int64_t kHuge = int64_t{1} << 40;  // a text has fewer digits
    if (parsed.ec != std::errc() || exponent > kHuge || exponent < -kHuge) {
      exponent = negative ? -kHuge : kHuge;
    }
  }
  const int64_t place = static_cast<int64_t>(point) - static_cast<int64_t>(first);
  return sign * (place + exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0);
}

double to_double(std::string_view text) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc::result_out_of_range ? beyond_double(text) : value;
}

// Walks simdjson's view of the text once. What simdjson's own tree refuses (integers beyond 64
// bits, Python's NaN) is a token like any other here.
class Reader {
 public:
  Reader(std::string_view text, JsonForm form, JsonTree& out)
      : text_(text), form_(form), out_(out) {}

  void run() {
    // The text stands in brackets, so that its root is read like any other value.
    std::string padded;
    padded.reserve(text_.size() + 2 + simdjson::SIMDJSON_PADDING);
    padded.append("[").append(text_).append("]");
    first_ = padded.data() + 1;
    if (const auto error =
            parser_.iterate(padded.data(), padded.size(), padded.capacity()).get(document_)) {
      check(error != simdjson::CAPACITY && error != simdjson::MEMALLOC, ErrorCode::limit,
            "{}: {} bytes of JSON are too many", out_.name, text_.size());
      fail_json(out_.name, text_, text_.size(), {});
    }
    out_.letters =
        std::make_unique_for_overwrite<uint8_t[]>(text_.size() + simdjson::SIMDJSON_PADDING);
    free_ = out_.letters.get();
    // Each value and key but the root follows one of these.
    out_.nodes.reserve(1 + static_cast<size_t>(std::ranges::count_if(text_, [](char c) {
                         return (c == ',') | (c == ':') | (c == '[') | (c == '{');
                       })));
    ondemand::array roots;
    need(document_.get_array().get(roots));
    for (auto result : roots) {
      ondemand::value root;
      need(result.get(root));
      if (!out_.nodes.empty()) fail_at(root.raw_json_token().data(), "more than one value");
      read(root, 0);
    }
    const char* more = nullptr;  // the added bracket was closed by one of the text
    if (document_.current_location().get(more) == simdjson::SUCCESS) {
      fail_json(out_.name, text_, text_.rfind(']', static_cast<size_t>(more - first_) - 1), {});
    }
    if (out_.nodes.empty()) fail_at(first_, "no value");
  }

 private:
  [[noreturn]] void fail_at(const char* place, std::string_view what) const {
    fail_json(out_.name, text_, static_cast<size_t>(place - first_), what);
  }

  // For errors while walking.
  void need(simdjson::error_code error) {
    if (error == simdjson::SUCCESS) [[likely]]
      return;
    const char* place = nullptr;
    const bool known = document_.current_location().get(place) == simdjson::SUCCESS;
    fail_json(out_.name, text_,
              known && place >= first_ ? static_cast<size_t>(place - first_) : text_.size(), {});
  }

  uint32_t add(Json::Kind kind) {
    const auto at = static_cast<uint32_t>(out_.nodes.size());
    JsonNode& node = out_.nodes.emplace_back();
    node.kind = kind;
    node.end = at + 1;
    return at;
  }

  void read(ondemand::value value, int depth) {
    const std::string_view token = value.raw_json_token();
    switch (token.front()) {
      case '{':
      case '[':
        if (depth == kMaxDepth) fail_at(token.data(), fmt::format("deeper than {}", kMaxDepth));
        return token.front() == '{' ? read_object(value, depth) : read_array(value, depth);
      case '"': {
        ondemand::raw_json_string raw;
        need(value.get_raw_json_string().get(raw));
        return add_string(raw);
      }
      default:
        read_scalar(token.substr(0, token.find_last_not_of(" \t\r\n") + 1));
    }
  }

  void read_array(ondemand::value& value, int depth) {
    const uint32_t at = add(Json::Kind::array);
    ondemand::array array;
    need(value.get_array().get(array));
    uint32_t count = 0;
    for (auto result : array) {
      ondemand::value element;
      need(result.get(element));
      read(element, depth + 1);
      ++count;
    }
    out_.nodes[at].members = {count, 0};
    out_.nodes[at].end = static_cast<uint32_t>(out_.nodes.size());
  }

  void read_object(ondemand::value& value, int depth) {
    const uint32_t at = add(Json::Kind::object);
    ondemand::object object;
    need(value.get_object().get(object));
    uint32_t count = 0;
    for (auto result : object) {
      ondemand::field field;
      need(std::move(result).get(field));
      add_string(field.key());
      read(field.value(), depth + 1);
      ++count;
    }
    out_.nodes[at].end = static_cast<uint32_t>(out_.nodes.size());
    out_.nodes[at].members = {count, 0};
    if (count > kMostMembersWithoutTable) {
      make_table(at);
    } else {
      compare_keys(at);
    }
  }

  void add_string(ondemand::raw_json_string raw) {
    const auto offset = static_cast<uint32_t>(free_ - out_.letters.get());
    std::string_view text;
    if (parser_.unescape(raw, free_).get(text) != simdjson::SUCCESS) fail_at(raw.raw(), {});
    const uint32_t at = add(Json::Kind::string);
    out_.nodes[at].text = {offset, static_cast<uint32_t>(text.size())};
  }

  void read_scalar(std::string_view token) {
    if (token == "true" || token == "false") {
      const uint32_t at = add(Json::Kind::boolean);
      out_.nodes[at].boolean = token == "true";
      return;
    }
    if (token == "null") return static_cast<void>(add(Json::Kind::null));
    const Spelling spelling = spelling_of(token);
    if (spelling == Spelling::none) return read_word(token);
    int64_t integer = 0;
    if (spelling == Spelling::integer && token != "-0" &&
        std::from_chars(token.data(), token.data() + token.size(), integer).ec == std::errc()) {
      const uint32_t at = add(Json::Kind::integer);
      out_.nodes[at].integer = integer;
      return;
    }
    add_number(token, to_double(token));
  }

  // What Python's json writes for numbers that are not finite.
  void read_word(std::string_view token) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    if (token == "NaN") return add_number(token, std::numeric_limits<double>::quiet_NaN());
    if (token == "Infinity") return add_number(token, kInfinity);
    if (token == "-Infinity") return add_number(token, -kInfinity);
    fail_at(token.data(), {});
  }

  void add_number(std::string_view token, double number) {
    if (form_ == JsonForm::strict && !std::isfinite(number)) {
      fail_at(token.data(), fmt::format("{} is not a finite number", token.substr(0, 40)));
    }
    out_.nodes[add(Json::Kind::number)].number = number;
  }

  // Of members of one name the last counts.
  void drop(uint32_t object, uint32_t key) {
    out_.nodes[key].counts = false;
    --out_.nodes[object].members.count;
  }

  void compare_keys(uint32_t object) {
    const uint32_t end = out_.nodes[object].end;
    for (uint32_t key = object + 1; key < end; key = out_.nodes[key + 1].end) {
      for (uint32_t before = object + 1; before < key; before = out_.nodes[before + 1].end) {
        if (out_.nodes[before].counts && out_.text(before) == out_.text(key)) drop(object, before);
      }
    }
  }

  void make_table(uint32_t object) {
    const uint32_t mask = std::bit_ceil(2 * out_.nodes[object].members.count) - 1;
    if (out_.tables.empty()) out_.tables.emplace_back();  // no table begins at 0
    const auto table = static_cast<uint32_t>(out_.tables.size());
    out_.nodes[object].members.table = table;
    out_.tables.resize(out_.tables.size() + 1 + mask + 1);
    out_.tables[table].key = mask;
    const uint32_t end = out_.nodes[object].end;
    for (uint32_t key = object + 1; key < end; key = out_.nodes[key + 1].end) {
      const uint64_t hash = table_hash(out_.text(key));
      JsonTree::Slot& slot = out_.tables[out_.slot_of(table, out_.text(key), hash)];
      if (slot.key != 0) drop(object, slot.key);
      slot = {key, JsonTree::tag_of(hash)};
    }
  }

  std::string_view text_;
  JsonForm form_;
  JsonTree& out_;
  ondemand::parser parser_;
  ondemand::document document_;
  const char* first_ = nullptr;  // the first byte of the text
  uint8_t* free_ = nullptr;      // where the next string's letters go
};

}  // namespace

void parse_json(std::string_view text, JsonForm form, JsonTree& out) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  check(text.size() < (size_t{1} << 31), ErrorCode::limit, "{}: {} bytes of JSON are too many",
        out.name, text.size());
  Reader(text, form, out).run();
}

uint32_t JsonTree::slot_of(uint32_t table, std::string_view key, uint64_t hash) const {
  const uint32_t mask = tables[table].key;
  const Slot* slots = tables.data() + table + 1;
  uint32_t at = static_cast<uint32_t>(hash) & mask;
  while (slots[at].key != 0 && (slots[at].tag != tag_of(hash) || text(slots[at].key) != key)) {
    at = (at + 1) & mask;
  }
  return table + 1 + at;
}

uint32_t JsonTree::find(uint32_t object, std::string_view key) const {
  const uint32_t table = nodes[object].members.table;
  if (table != 0) return tables[slot_of(table, key, table_hash(key))].key;
  for (uint32_t at = object + 1; at < nodes[object].end; at = nodes[at + 1].end) {
    if (nodes[at].counts && text(at) == key) return at;
  }
  return 0;
}

}  // namespace transept
