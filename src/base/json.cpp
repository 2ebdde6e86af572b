#include "base/json.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "base/file.h"

namespace transept {
namespace dom = simdjson::dom;

struct JsonDocument::State {
  std::string name;
  dom::parser parser;
  dom::element root;
};

namespace {

constexpr size_t kMaxDepth = 256;

static_assert(sizeof(dom::element) == 2 * sizeof(void*) &&
              std::is_trivially_copyable_v<dom::element>);

template <class Raw>
dom::element element_of(const Raw& raw) {
  dom::element element;
  std::memcpy(static_cast<void*>(&element), &raw, sizeof element);
  return element;
}

// Where on the document's tape the value lies.
size_t index_of(const dom::element& element) {
  struct {
    const void* document;
    size_t index;
  } raw{};
  std::memcpy(&raw, &element, sizeof raw);
  return raw.index;
}

template <class Raw>
void store(Raw& raw, const dom::element& element) {
  std::memcpy(static_cast<void*>(&raw), &element, sizeof element);
}

// The path from the root down to `wanted`. The values of a document lie on simdjson's tape in the
// order of the text, so the child to descend into is the last one that does not lie behind
// `wanted`: one step along each array or object on the way, and nothing is formatted but the path
// itself.
std::string path_of(dom::element at, size_t wanted) {
  std::string path;
  while (index_of(at) != wanted) {
    std::string step;
    dom::element next = at;
    if (at.is_array()) {
      size_t index = 0;
      size_t found = 0;
      for (const dom::element child : dom::array(at)) {
        if (index_of(child) > wanted) break;
        next = child;
        found = index++;
      }
      step = fmt::format("[{}]", found);
    } else if (at.is_object()) {
      for (const dom::key_value_pair member : dom::object(at)) {
        if (index_of(member.value) > wanted) break;
        next = member.value;
        step = member.key;
      }
      if (!path.empty()) path += '.';
    }
    if (index_of(next) == index_of(at)) break;  // not of this document
    path += step;
    at = next;
  }
  return path;
}

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
  fail(ErrorCode::bad_data, "{}: {}, expected {}", json.where(), name_of(json.kind()), expected);
}

}  // namespace

JsonDocument::JsonDocument(std::unique_ptr<State> state) : state_(std::move(state)) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

JsonDocument JsonDocument::parse(std::string_view text, std::string name) {
  auto state = std::make_unique<State>();
  state->name = std::move(name);
  if (state->parser.allocate(text.size() + 1, kMaxDepth) != simdjson::SUCCESS) {
    fail(ErrorCode::limit, "{}: {} bytes of JSON are too many", state->name, text.size());
  }
  const auto error = state->parser.parse(text.data(), text.size()).get(state->root);
  check(error == simdjson::SUCCESS, ErrorCode::bad_data, "{}: not valid JSON: {}", state->name,
        simdjson::error_message(error));
  return JsonDocument(std::move(state));
}

JsonDocument JsonDocument::load(const std::string& path) {
  return parse(read_file(path, kMostSettingsBytes), path);
}

const std::string& JsonDocument::name() const {
  return state_->name;
}

Json JsonDocument::root() const {
  Json json;
  json.document_ = this;
  store(json.raw_, state_->root);
  return json;
}

std::string Json::where() const {
  const std::string path = path_of(document_->state_->root, raw_.index);
  return path.empty() ? document_->name() : fmt::format("{}: {}", document_->name(), path);
}

Json::Kind Json::kind() const {
  switch (element_of(raw_).type()) {
    case dom::element_type::ARRAY:
      return Kind::array;
    case dom::element_type::OBJECT:
      return Kind::object;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return Kind::integer;
    case dom::element_type::DOUBLE:
      return Kind::number;
    case dom::element_type::STRING:
      return Kind::string;
    case dom::element_type::BOOL:
      return Kind::boolean;
    case dom::element_type::NULL_VALUE:
      break;
  }
  return Kind::null;
}

bool Json::as_bool() const {
  bool value = false;
  if (element_of(raw_).get(value) != simdjson::SUCCESS) fail_kind(*this, "true or false");
  return value;
}

int64_t Json::as_int() const {
  int64_t value = 0;
  if (element_of(raw_).get(value) != simdjson::SUCCESS) fail_kind(*this, "an integer");
  return value;
}

int64_t Json::as_int(int64_t least, int64_t most) const {
  const int64_t value = as_int();
  if (value < least || value > most) {  // where() searches the document: only when it is needed
    fail(ErrorCode::bad_data, "{}: {}, expected {} to {}", where(), value, least, most);
  }
  return value;
}

double Json::as_number() const {
  double value = 0;
  if (element_of(raw_).get(value) != simdjson::SUCCESS) fail_kind(*this, "a number");
  return value;
}

std::string_view Json::as_string() const {
  std::string_view value;
  if (element_of(raw_).get(value) != simdjson::SUCCESS) fail_kind(*this, "a string");
  return value;
}

std::optional<Json> Json::find(std::string_view key) const {
  dom::object object;
  if (element_of(raw_).get(object) != simdjson::SUCCESS) fail_kind(*this, "an object");
  dom::element value;
  if (object.at_key(key).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  Json json;
  json.document_ = document_;
  store(json.raw_, value);
  return json;
}

Json Json::at(std::string_view key) const {
  std::optional<Json> value = find(key);
  if (!value) fail(ErrorCode::bad_data, "{}: \"{}\" is missing", where(), key);
  return *value;
}

void Json::each_member(const std::function<void(std::string_view, const Json&)>& f) const {
  dom::object object;
  if (element_of(raw_).get(object) != simdjson::SUCCESS) fail_kind(*this, "an object");
  Json json;
  json.document_ = document_;
  for (const dom::key_value_pair member : object) {
    store(json.raw_, member.value);
    f(member.key, json);
  }
}

void Json::each_element(const std::function<void(size_t, const Json&)>& f) const {
  dom::array array;
  if (element_of(raw_).get(array) != simdjson::SUCCESS) fail_kind(*this, "an array");
  Json json;
  json.document_ = document_;
  size_t index = 0;
  for (const dom::element element : array) {
    store(json.raw_, element);
    f(index++, json);
  }
}

std::vector<Json> Json::elements() const {
  std::vector<Json> all;
  each_element([&](size_t, const Json& json) { all.push_back(json); });
  return all;
}

size_t Json::size() const {
  // Counted, because simdjson's own count saturates at 2^24 - 1.
  size_t n = 0;
  if (is_object()) {
    each_member([&](std::string_view, const Json&) { ++n; });
  } else {
    each_element([&](size_t, const Json&) { ++n; });
  }
  return n;
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

void JsonWriter::comma() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}
JsonWriter& JsonWriter::begin_object() {
  comma();
  text_ += '{';
  needs_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::end_object() {
  text_ += '}';
  needs_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::begin_array() {
  comma();
  text_ += '[';
  needs_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::end_array() {
  text_ += ']';
  needs_comma_ = true;
  return *this;
}
JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}
JsonWriter& JsonWriter::value(std::string_view text) {
  comma();
  text_ += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        text_ += "\\\"";
        break;
      case '\\':
        text_ += "\\\\";
        break;
      case '\n':
        text_ += "\\n";
        break;
      case '\r':
        text_ += "\\r";
        break;
      case '\t':
        text_ += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          text_ += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          text_ += c;
        }
    }
  }
  text_ += '"';
  return *this;
}
JsonWriter& JsonWriter::value(bool flag) {
  return raw(flag ? "true" : "false");
}
JsonWriter& JsonWriter::value(int64_t number) {
  return raw(fmt::format("{}", number));
}
JsonWriter& JsonWriter::value(double number) {
  if (number == 0 && std::signbit(number)) return raw("-0.0");  // -0 would be read as an integer
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}
JsonWriter& JsonWriter::value(float number) {
  if (number == 0 && std::signbit(number)) return raw("-0.0");
  return std::isfinite(number) ? raw(fmt::format("{}", number)) : null();
}
JsonWriter& JsonWriter::null() {
  return raw("null");
}
JsonWriter& JsonWriter::raw(std::string_view json) {
  comma();
  text_ += json;
  return *this;
}

}  // namespace transept

auto fmt::formatter<transept::Json>::format(const transept::Json& json,
                                            format_context& context) const
    -> format_context::iterator {
  return fmt::format_to(context.out(), "{}", json.where());
}
