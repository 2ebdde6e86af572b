#include "io/import/config_reader.h"

#include "base/error.h"

namespace transept {

ActivationKind parse_activation(std::string_view name, const std::string& where) {
  struct Known {
    std::string_view name;
    ActivationKind kind;
  };
  static constexpr Known kKnown[] = {
      {"relu", ActivationKind::relu},
      {"gelu", ActivationKind::gelu_erf},
      {"gelu_python", ActivationKind::gelu_erf},
      {"gelu_new", ActivationKind::gelu_tanh},
      {"gelu_fast", ActivationKind::gelu_tanh},
      {"gelu_accurate", ActivationKind::gelu_tanh},
      {"gelu_pytorch_tanh", ActivationKind::gelu_tanh},
      {"gelu_python_tanh", ActivationKind::gelu_tanh},
      {"silu", ActivationKind::silu},
      {"swish", ActivationKind::silu},
      {"tanh", ActivationKind::tanh},
  };
  for (const Known& known : kKnown) {
    if (name == known.name) return known.kind;
  }
  fail(ErrorCode::unsupported, "{}: \"{}\", expected relu, gelu, gelu_new, silu, swish or tanh",
       where, name);
}

int ConfigReader::size(std::string_view key, int otherwise) const {
  const std::optional<Json> value = json_.find(key);
  return value ? static_cast<int>(value->as_int(0, 1 << 30)) : otherwise;
}

// Bounded here already: names are made layer by layer.
int ConfigReader::layers(std::string_view key, int otherwise) const {
  const std::optional<Json> value = json_.find(key);
  return value ? static_cast<int>(value->as_int(0, 1024)) : otherwise;
}

float ConfigReader::real(std::string_view key, double otherwise) const {
  return static_cast<float>(json_.get(key, otherwise));
}

int ConfigReader::head_width(std::string_view key, int n_heads, int d_model) const {
  if (n_heads < 1 || d_model % n_heads != 0) {
    const std::string where = has(key) ? json_.find(key)->where() : std::string(key);
    fail(ErrorCode::bad_data, "{}: {}, expected a divisor of the width {}", where, n_heads,
         d_model);
  }
  return d_model / n_heads;
}

ActivationKind ConfigReader::activation(std::string_view key, const char* otherwise) const {
  const std::optional<Json> value = json_.find(key);
  return value ? parse_activation(value->as_string(), value->where())
               : parse_activation(otherwise, std::string(key));
}

void ConfigReader::only(std::string_view key, bool value) const {
  const std::optional<Json> found = json_.find(key);
  if (!found || found->as_bool() == value) return;
  fail(ErrorCode::unsupported, "{}: {}, expected {}", found->where(), !value, value);
}

void ConfigReader::only(std::string_view key, const char* value) const {
  const std::optional<Json> found = json_.find(key);
  if (!found || found->as_string() == value) return;
  fail(ErrorCode::unsupported, "{}: \"{}\", expected \"{}\"", found->where(), found->as_string(),
       value);
}

void ConfigReader::special_tokens(Config& config) const {
  constexpr int64_t kMost = 1 << 24;  // of any vocabulary
  const auto read = [&](std::string_view key, Token& token) {
    if (const auto value = json_.find(key)) token = static_cast<Token>(value->as_int(-1, kMost));
  };
  read("bos_token_id", config.bos);
  read("pad_token_id", config.pad);
  read("decoder_start_token_id", config.decoder_start);
  const std::optional<Json> eos = json_.find("eos_token_id");
  if (!eos) return;
  config.eos.clear();
  const auto add = [&](const Json& value) {
    config.eos.push_back(static_cast<Token>(value.as_int(0, kMost)));
  };
  if (!eos->is_array()) return add(*eos);
  eos->each_element([&](size_t, const Json& value) { add(value); });
}

}  // namespace transept
