#include "base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/json_nodes.h"
#include "base/stand_in.h"

namespace transept {
namespace {

const char* name_of(Json::Kind kind) {
  switch (kind) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return "true or false";
    case Json::Kind::integer:
      return "an integer";
    case Json::Kind::number:
      return "a number";
    case Json::Kind::string:
      return "a string";
    case Json::Kind::array:
      return "an array";
    case Json::Kind::object:
      return "an object";
  }
  return "?";
}

[[noreturn]] void fail_kind(const Json& json, const char* expected) {
  fail(ErrorCode::bad_data, "{}: {}, expected {}", json, name_of(json.kind()), expected);
}

// The integer that a number is, however it is written: 3.0, 1e3.
std::optional<int64_t> whole(double number) {
  constexpr double kEnd = 9223372036854775808.0;  // 2^63; -2^63 may be a smaller one, rounded
  if (!(number > -kEnd && number < kEnd) || std::trunc(number) != number) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace

JsonDocument::JsonDocument(std::unique_ptr<const JsonTree> tree) : tree_(std::move(tree)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

JsonDocument JsonDocument::parse(std::string_view text, std::string name, JsonForm form) {
  auto tree = std::make_unique<JsonTree>();
  tree->name = std::move(name);
  check_not_stand_in(text, tree->name);
  parse_json(text, form, *tree);
  return JsonDocument(std::move(tree));
}

JsonDocument JsonDocument::load(const std::string& path) {
  return parse(read_file(path, kMostSettingsBytes), path);
}

const std::string& JsonDocument::name() const {
  return tree_->name;
}

Json JsonDocument::root() const {
  return {tree_.get(), 0};
}

const JsonNode& Json::node() const {
  return tree_->nodes[index_];
}

// From the root down: one step along each array or object on the way, and nothing is formatted but
// the path itself.
std::string Json::where() const {
  const std::vector<JsonNode>& nodes = tree_->nodes;
  std::string path;
  for (uint32_t at = 0; at != index_;) {
    const bool is_array = nodes[at].kind == Kind::array;
    size_t found = 0;
    uint32_t child = at + (is_array ? 1 : 2);
    while (nodes[child].end <= index_) {
      child = nodes[child].end + (is_array ? 0 : 1);
      ++found;
    }
    if (is_array) {
      path += fmt::format("[{}]", found);
    } else {
      if (!path.empty()) path += '.';
      path += tree_->text(child - 1);
    }
    at = child;
  }
  return path.empty() ? tree_->name : fmt::format("{}: {}", tree_->name, path);
}

Json::Kind Json::kind() const {
  return node().kind;
}

bool Json::is_integer() const {
  return kind() == Kind::integer || (kind() == Kind::number && whole(node().number));
}

bool Json::as_bool() const {
  if (kind() != Kind::boolean) fail_kind(*this, "true or false");
  return node().boolean;
}

int64_t Json::as_int() const {
  if (kind() == Kind::integer) return node().integer;
  if (kind() != Kind::number) fail_kind(*this, "an integer");
  const std::optional<int64_t> value = whole(node().number);
  if (!value) {
    fail_kind(*this, std::abs(node().number) < 1e18 ? "an integer" : "an integer of 64 bits");
  }
  return *value;
}

int64_t Json::as_int(int64_t least, int64_t most) const {
  const int64_t value = as_int();
  check(value >= least && value <= most, ErrorCode::bad_data, "{}: {}, expected {} to {}", *this,
        value, least, most);
  return value;
}

double Json::as_number() const {
  if (kind() == Kind::integer) return static_cast<double>(node().integer);
  if (kind() != Kind::number) fail_kind(*this, "a number");
  const double value = node().number;
  check(std::isfinite(value), ErrorCode::bad_data, "{}: {}, expected a finite number", *this,
        value);
  return value;
}

std::string_view Json::as_string() const {
  if (kind() != Kind::string) fail_kind(*this, "a string");
  return tree_->text(index_);
}

std::optional<Json> Json::find(std::string_view key) const {
  if (!is_object()) fail_kind(*this, "an object");
  const uint32_t found = tree_->find(index_, key);
  if (found == 0 || tree_->nodes[found + 1].kind == Kind::null) return std::nullopt;
  return Json(tree_, found + 1);
}

Json Json::at(std::string_view key) const {
  std::optional<Json> value = find(key);
  if (!value) fail(ErrorCode::bad_data, "{}: \"{}\" is missing", *this, key);
  return *value;
}

void Json::each_member(const std::function<void(std::string_view, const Json&)>& f) const {
  if (!is_object()) fail_kind(*this, "an object");
  const std::vector<JsonNode>& nodes = tree_->nodes;
  for (uint32_t key = index_ + 1; key < node().end; key = nodes[key + 1].end) {
    if (nodes[key].counts) f(tree_->text(key), Json(tree_, key + 1));
  }
}

std::optional<std::string_view> Json::repeated_key() const {
  if (!is_object()) fail_kind(*this, "an object");
  const std::vector<JsonNode>& nodes = tree_->nodes;
  for (uint32_t key = index_ + 1; key < node().end; key = nodes[key + 1].end) {
    if (!nodes[key].counts) return tree_->text(key);
  }
  return std::nullopt;
}

void Json::each_element(const std::function<void(size_t, const Json&)>& f) const {
  if (!is_array()) fail_kind(*this, "an array");
  size_t n = 0;
  for (uint32_t at = index_ + 1; at < node().end; at = tree_->nodes[at].end) {
    f(n++, Json(tree_, at));
  }
}

std::vector<Json> Json::elements() const {
  std::vector<Json> all;
  each_element([&](size_t, const Json& json) { all.push_back(json); });
  return all;
}

size_t Json::size() const {
  if (!is_array() && !is_object()) fail_kind(*this, "an array");
  return node().members.count;
}

bool Json::get(std::string_view key, bool otherwise) const {
  const std::optional<Json> value = find(key);
  return value ? value->as_bool() : otherwise;
}
int64_t Json::get(std::string_view key, int64_t otherwise) const {
  const std::optional<Json> value = find(key);
  return value ? value->as_int() : otherwise;
}
double Json::get(std::string_view key, double otherwise) const {
  const std::optional<Json> value = find(key);
  return value ? value->as_number() : otherwise;
}
std::string Json::get(std::string_view key, const char* otherwise) const {
  const std::optional<Json> value = find(key);
  return value ? std::string(value->as_string()) : std::string(otherwise);
}

}  // namespace transept

auto fmt::formatter<transept::Json>::format(const transept::Json& json,
                                            format_context& context) const
    -> format_context::iterator {
  return fmt::format_to(context.out(), "{}", json.where());
}
