// Any bytes as JSON: an Error, or a document that can be walked, whose members are found by name,
// and whose values can be written and read again.
#include "base/json.h"

namespace {

using transept::Json;
using transept::JsonWriter;

void copy(const Json& json, JsonWriter& out) {
  switch (json.kind()) {
    case Json::Kind::object:
      out.begin_object();
      json.each_member([&](std::string_view key, const Json& value) {
        const std::optional<Json> found = json.find(key);
        if (found ? found->kind() != value.kind() : !value.is_null()) __builtin_trap();
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
      try {
        if (json.is_integer()) (void)json.as_int();
        out.value(json.as_number());
      } catch (const transept::Error&) {  // not finite
        if (json.is_integer()) __builtin_trap();
        out.null();
      }
      break;
    case Json::Kind::boolean:
      out.value(json.as_bool());
      break;
    case Json::Kind::null:
      out.null();
      break;
    case Json::Kind::integer:
      out.value(json.as_int());
      break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string once;
  try {
    (void)JsonDocument::parse(text, "strict", JsonForm::strict);
  } catch (const Error& e) {
    if (std::string_view(e.what()).empty()) __builtin_trap();
  }
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
