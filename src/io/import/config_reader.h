// Reading config.json with the reference's defaults, and refusing what would change the computation
// in a way that transept does not know.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/json.h"
#include "model/config.h"

namespace transept {

class ConfigReader {
 public:
  explicit ConfigReader(const Json& json) : json_(json) {}

  [[nodiscard]] int size(std::string_view key, int otherwise) const;
  [[nodiscard]] int layers(std::string_view key, int otherwise) const;
  [[nodiscard]] float real(std::string_view key, double otherwise) const;
  [[nodiscard]] bool flag(std::string_view key, bool otherwise) const {
    return json_.get(key, otherwise);
  }
  // d_model / n_heads; Error naming the key of the number of heads if that leaves a remainder.
  [[nodiscard]] int head_width(std::string_view key, int n_heads, int d_model) const;
  [[nodiscard]] ActivationKind activation(std::string_view key, const char* otherwise) const;
  [[nodiscard]] bool has(std::string_view key) const { return json_.find(key).has_value(); }

  // Error unsupported if the key is there with another value: the family computes as if it had this
  // one.
  void only(std::string_view key, bool value) const;
  void only(std::string_view key, const char* value) const;

  // bos, pad, decoder_start and eos; `defaults` holds the family's.
  void special_tokens(Config& config) const;

 private:
  Json json_;
};

// The name of an activation as the reference spells it; Error unsupported, naming `where`.
[[nodiscard]] ActivationKind parse_activation(std::string_view name, const std::string& where);

}  // namespace transept
