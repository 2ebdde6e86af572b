// Any bytes as JSON: an Error, or a document that can be walked and whose strings can be written
// and read again.
#include "base/json.h"

namespace {

using transept::Json;
using transept::JsonWriter;

void copy(const Json& json, JsonWriter& out) {
  switch (json.kind()) {
    case Json::Kind::object:
      out.begin_object();
      json.each_member([&](std::string_view key, const Json& value) {
        out.key(key);
        copy(value, out);
      });
      out.end_object();
      break;
    case Json::Kind::array:
      out.begin_array();
      json.each_element([&](size_t, const Json& value) { copy(value, out); });
      out.end_array();
      break;
    case Json::Kind::string:
      out.value(json.as_string());
      break;
    case Json::Kind::number:
      out.value(json.as_number());
      break;
    case Json::Kind::boolean:
      out.value(json.as_bool());
      break;
    case Json::Kind::null:
      out.null();
      break;
    case Json::Kind::integer:
      try {
        out.value(json.as_int());
      } catch (const transept::Error&) {  // beyond int64
        out.value(json.as_number());
      }
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string once;
  try {
    const JsonDocument document = JsonDocument::parse(text, "fuzz");
    JsonWriter out;
    copy(document.root(), out);
    once = out.take();
  } catch (const Error&) {
    return 0;
  }
  const JsonDocument again = JsonDocument::parse(once, "again");
  JsonWriter out;
  copy(again.root(), out);
  if (out.text() != once) __builtin_trap();
  return 0;
}
