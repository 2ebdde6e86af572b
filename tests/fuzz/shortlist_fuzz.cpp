// Any bytes as a shortlist: an Error, or targets and offsets that fit together.
#include "base/error.h"
#include "io/shortlist_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace transept;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const ShortlistVocabulary vocabulary{
      .n_sources = 50, .n_targets = 40, .find = [](std::string_view piece) {
        return piece.empty() ? std::optional<Token>() : static_cast<Token>(piece.front() & 63);
      }};
  try {
    const Shortlist shortlist = read_shortlist(bytes, "fuzz", vocabulary, {.first = 3, .best = 2});
    size_t seen = 0;
    for (Token source = 0; source < vocabulary.n_sources; ++source) {
      for (const Token target : shortlist.of(source)) {
        if (target < 0 || target >= shortlist.n_targets) __builtin_trap();
        ++seen;
      }
    }
    if (seen != shortlist.targets.size()) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
