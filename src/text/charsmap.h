// SentencePiece's precompiled character map: strings -> their replacements, as a double-array trie
// over a table of texts. Layout: size of the trie in bytes (u32), the trie in Darts-clone's format
// (u32 units, little endian), the replacements, each closed by NUL; a trie value is a position
// among them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace transept {

class CharsMap {
 public:
  // `where` names the map in errors: "spiece.model: normalizer_spec.precompiled_charsmap". Error
  // bad_data for a map whose parts do not fit; a damaged trie merely has fewer entries, and texts
  // stay valid UTF-8 whatever it holds.
  explicit CharsMap(std::string_view blob, const std::string& where);

  struct Hit {
    size_t consumed;               // bytes of the text
    std::string_view replacement;  // lives as long as the map; may be empty
  };
  // The longest entry that begins `text`, valid UTF-8: what SentencePiece replaces.
  [[nodiscard]] std::optional<Hit> longest_prefix(std::string_view text) const;
  // The shortest entry that begins `text`: the Precompiled normalizer of Hugging Face tokenizers
  // (0.23, crate spm_precompiled) puts its replacement in the place of the whole text.
  [[nodiscard]] std::optional<Hit> shortest_prefix(std::string_view text) const;

 private:
  template <class Found>
  void walk(std::string_view text, const Found& found) const;
  [[nodiscard]] std::optional<std::string_view> replacement(uint32_t begin) const;

  std::vector<uint32_t> trie_;
  std::string replacements_;
};

}  // namespace transept
