// Reading JSON: a document and cheap views into it. Every error names the file and the path of the
// value. simdjson reads the text (strict UTF-8 and grammar), depth is bounded, and what is read is
// one array of nodes (json_nodes.h). As in Python and JavaScript, of members of one name the last
// counts, an integer may be written 3.0 or 1e3, and numbers may be larger than those who read them
// allow: only as_int() and as_number() complain.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace transept {

class JsonDocument;
struct JsonNode;
struct JsonTree;

// Files may hold NaN, Infinity and -Infinity as Python's json writes them. Strict is RFC 8259, with
// numbers that a double can hold.
enum class JsonForm { file, strict };

// A value inside a JsonDocument, which must outlive it.
class Json {
 public:
  enum class Kind : uint8_t { null, boolean, integer, number, string, array, object };

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] bool is_null() const { return kind() == Kind::null; }
  [[nodiscard]] bool is_string() const { return kind() == Kind::string; }
  [[nodiscard]] bool is_array() const { return kind() == Kind::array; }
  [[nodiscard]] bool is_object() const { return kind() == Kind::object; }
  [[nodiscard]] bool is_integer() const;  // of 64 bits, however it is written
  [[nodiscard]] bool is_number() const { return kind() == Kind::number || kind() == Kind::integer; }
  [[nodiscard]] bool is_bool() const { return kind() == Kind::boolean; }

  // Each throws Error bad_data naming file, path, what was found and what was expected.
  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] int64_t as_int() const;
  [[nodiscard]] int64_t as_int(int64_t least, int64_t most) const;  // also checks the range
  [[nodiscard]] double as_number() const;                           // finite
  [[nodiscard]] std::string_view as_string() const;                 // lives as long as the document

  // Object members, of one name the last. find() is empty when the key is missing or null; at()
  // throws. A look-up takes the same time whatever the number of members.
  [[nodiscard]] std::optional<Json> find(std::string_view key) const;
  [[nodiscard]] Json at(std::string_view key) const;
  void each_member(const std::function<void(std::string_view key, const Json& value)>& f) const;
  // A name that occurs more than once, for formats that forbid it.
  [[nodiscard]] std::optional<std::string_view> repeated_key() const;

  // Array elements.
  [[nodiscard]] size_t size() const;  // of an array or an object
  void each_element(const std::function<void(size_t index, const Json& value)>& f) const;
  [[nodiscard]] std::vector<Json> elements() const;

  // With a default for a missing or null member.
  [[nodiscard]] bool get(std::string_view key, bool otherwise) const;
  [[nodiscard]] int64_t get(std::string_view key, int64_t otherwise) const;
  [[nodiscard]] int64_t get(std::string_view key, int otherwise) const {
    return get(key, int64_t{otherwise});
  }
  [[nodiscard]] double get(std::string_view key, double otherwise) const;
  [[nodiscard]] std::string get(std::string_view key, const char* otherwise) const;

  // "config.json: decoder.d_model", found by walking the document from its root: for messages only.
  // A message names a value by taking the Json itself as an argument, which calls this when shown.
  [[nodiscard]] std::string where() const;

 private:
  friend class JsonDocument;
  Json(const JsonTree* tree, uint32_t index) : tree_(tree), index_(index) {}
  [[nodiscard]] const JsonNode& node() const;
  const JsonTree* tree_;
  uint32_t index_;  // of its node
};

class JsonDocument {
 public:
  // `name` appears in errors. Throws Error bad_data with the offending place.
  static JsonDocument parse(std::string_view text, std::string name,
                            JsonForm form = JsonForm::file);
  static JsonDocument load(const std::string& path);

  JsonDocument(JsonDocument&&) noexcept;
  JsonDocument& operator=(JsonDocument&&) noexcept;
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;
  ~JsonDocument();

  [[nodiscard]] Json root() const;
  [[nodiscard]] const std::string& name() const;

 private:
  explicit JsonDocument(std::unique_ptr<const JsonTree> tree);
  std::unique_ptr<const JsonTree> tree_;  // where it lies stays the same when the document moves
};

// Writing JSON: appends to a string; commas and quoting are its business.
class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(const std::string& text) { return value(std::string_view(text)); }
  JsonWriter& value(bool flag);
  JsonWriter& value(int64_t number);
  JsonWriter& value(int number) { return value(int64_t{number}); }
  JsonWriter& value(size_t number) { return value(static_cast<int64_t>(number)); }
  JsonWriter& value(
      double number);  // the shortest text that reads back the same; not finite -> null
  JsonWriter& value(float number);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // already JSON
  template <class T>
  JsonWriter& member(std::string_view name, const T& content) {
    return key(name).value(content);
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void comma();
  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace transept

// A Json in a message is its place, see Json::where().
template <>
struct fmt::formatter<transept::Json> {
  constexpr auto parse(format_parse_context& context) { return context.begin(); }
  auto format(const transept::Json& json, format_context& context) const
      -> format_context::iterator;
};
