// SentencePiece's normalisation: replacements by the longest match, white space removed or escaped
// as ▁ (U+2581), one space put before (or after) the text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/charsmap.h"
#include "text/double_array.h"
#include "text/spm_proto.h"

namespace transept {

// U+2581, which stands for a space in the pieces of a vocabulary.
inline constexpr std::string_view kSpaceSymbol = "\xe2\x96\x81";

class SpmNormalizer {
 public:
  // `user_defined`: texts that are taken as they are. `where` names the map in errors.
  SpmNormalizer(const SpmProto::Normalizer& settings, bool whitespace_is_suffix,
                const std::vector<std::string_view>& user_defined, const std::string& where);

  struct Result {
    std::string text;
    // For each byte of `text`, and for its end: the byte of the input it came from.
    std::vector<uint32_t> origin;
  };
  // `input` is valid UTF-8 of fewer than 2^32 bytes, and so is the result.
  void run(std::string_view input, Result& out) const;

  [[nodiscard]] const DoubleArray& user_defined() const { return user_defined_; }

 private:
  struct Step {
    size_t consumed;
    std::string_view text;
  };
  [[nodiscard]] Step step(std::string_view rest) const;
  void append(std::string_view text, uint32_t from, Result& out) const;
  [[nodiscard]] std::string_view space() const;

  bool adds_prefix_;
  bool removes_spaces_;
  bool escapes_spaces_;
  bool whitespace_is_suffix_;
  std::optional<CharsMap> charsmap_;
  bool has_user_defined_;
  DoubleArray user_defined_;
};

}  // namespace transept
