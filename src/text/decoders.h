// The decoders of a tokenizer.json: they turn pieces back into text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"

namespace transept {

class Decoder {
 public:
  virtual ~Decoder() = default;
  // Rewrites the pieces; joined they are the text.
  virtual void decode(std::vector<std::string>& pieces) const = 0;
};

// Error unsupported for a type that is not known, bad_data for members that are wrong.
[[nodiscard]] std::unique_ptr<Decoder> make_decoder(const Json& json);

[[nodiscard]] std::unique_ptr<Decoder> make_byte_level_decoder();
[[nodiscard]] std::unique_ptr<Decoder> make_wordpiece_decoder(std::string prefix, bool cleanup);

// Takes out the spaces that tokenization put before punctuation and English contractions
// (transformers' clean_up_tokenization).
[[nodiscard]] std::string clean_up_spaces(std::string text);

}  // namespace transept
