// Lexical shortlists from files: Marian's binary form (`marian-conv --shortlist`, what its students
// and Firefox's are shipped with) and the tables of word alignment that it is made from
// ("target source probability" a line: `extract_lex`'s lex.s2t).
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

#include "model/shortlist.h"

namespace transept {

struct ShortlistLimits {  // of a table; a binary file has them in it
  int first = 100;        // most frequent target tokens: the first of the vocabulary
  int best = 100;         // targets per source token
};

// The vocabularies that its ids belong to, and how a table's words are looked up in them.
struct ShortlistVocabulary {
  int n_sources = 0;
  int n_targets = 0;
  std::function<std::optional<Token>(std::string_view piece)> find;
};

// Either form, told apart by its first bytes. Error not_found, io, or bad_data that says what is
// wrong with it.
[[nodiscard]] Shortlist load_shortlist(const std::filesystem::path& path,
                                       const ShortlistVocabulary& vocabulary,
                                       const ShortlistLimits& limits);

// The same of a file's contents; `name` is used in messages.
[[nodiscard]] Shortlist read_shortlist(std::span<const std::byte> bytes, std::string_view name,
                                       const ShortlistVocabulary& vocabulary,
                                       const ShortlistLimits& limits);

}  // namespace transept
