// TOML -> flat keys: a face over toml++, whose header stays in this file.
#include <fmt/format.h>

#define TOML_ENABLE_FORMATTERS 0
#if defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <toml++/toml.h>
#if defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

#include "base/error.h"
#include "train/config.h"

namespace transept {
namespace {

std::string place(const std::string& name, const toml::source_region& source) {
  return source.begin.line == 0 ? name : fmt::format("{}:{}", name, source.begin.line);
}

ConfigValue convert(const toml::node& node, const std::string& key, const std::string& name) {
  ConfigValue out;
  out.where = place(name, node.source());
  if (const auto* flag = node.as_boolean()) {
    out.value = flag->get();
  } else if (const auto* integer = node.as_integer()) {
    out.value = integer->get();
  } else if (const auto* real = node.as_floating_point()) {
    out.value = real->get();
  } else if (const auto* text = node.as_string()) {
    out.value = text->get();
  } else if (const auto* array = node.as_array()) {
    std::vector<std::string> texts;
    for (const toml::node& element : *array) {
      const auto* word = element.as_string();
      check(word != nullptr, ErrorCode::bad_data, "{}: {}: expected an array of texts", out.where,
            key);
      texts.push_back(word->get());
    }
    out.value = std::move(texts);
  } else {
    fail(ErrorCode::bad_data, "{}: {}: expected a text, a number, true or false, or an array",
         out.where, key);
  }
  return out;
}

void flatten(const toml::table& table, const std::string& prefix, const std::string& name,
             ConfigEntries& out) {
  for (const auto& [key, node] : table) {
    const std::string full = prefix + std::string(key.str());
    if (const toml::table* inner = node.as_table()) {
      flatten(*inner, full + ".", name, out);
    } else {
      out.emplace_back(full, convert(node, full, name));
    }
  }
}

}  // namespace

ConfigEntries parse_toml(const std::string& text, const std::string& name) {
  ConfigEntries entries;
  try {
    flatten(toml::parse(text, name), "", name, entries);
  } catch (const toml::parse_error& e) {
    fail(ErrorCode::bad_data, "{}:{}:{}: {}", name, e.source().begin.line, e.source().begin.column,
         e.description());
  }
  return entries;
}

std::pair<std::string, ConfigValue> parse_setting(const std::string& setting) {
  const size_t equals = setting.find('=');
  check(equals != std::string::npos && equals > 0, ErrorCode::usage,
        "--set {}: expected key=value, for example --set optimizer.learning_rate=1e-3", setting);
  const std::string key = setting.substr(0, equals);
  const std::string text = setting.substr(equals + 1);
  ConfigValue value;
  try {
    const toml::table table = toml::parse("value = " + text);
    if (table.size() == 1) value = convert(*table.get("value"), key, "--set");
  } catch (const toml::parse_error&) {
    value.value = text;  // a bare word or path
  }
  value.where = "--set";
  return {key, std::move(value)};
}

}  // namespace transept
