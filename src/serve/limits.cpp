#include "serve/limits.h"

#include <array>

namespace transept::serve {
namespace {

struct ListLimit {
  const char* name;
  std::size_t most;
};

constexpr std::array kOptionLists = {
    ListLimit{"sequence_bias", kMostListedTokens},
    ListLimit{"bad_words_ids", kMostListedTokens},
    ListLimit{"suppress_tokens", kMostListedTokens},
    ListLimit{"begin_suppress_tokens", kMostListedTokens},
    ListLimit{"forced_eos_token_id", kMostEndMarks},
    ListLimit{"eos_token_id", kMostEndMarks},
};

// Everything that is listed in an array, and in the arrays in it; no further than past `most`.
std::size_t count(const Json& array, std::size_t most) {
  if (!array.is_array()) return 0;
  std::size_t n = array.size();
  if (n > most) return n;
  for (const Json& element : array.elements()) {
    n += count(element, most);
    if (n > most) break;
  }
  return n;
}

}  // namespace

std::vector<Json> elements_of(const Json& array, std::size_t most, const char* what) {
  if (array.is_array()) {
    const std::size_t n = array.size();
    check(n <= most, ErrorCode::limit, "{}: {} {}, at most {} are taken", array, n, what, most);
  }
  return array.elements();
}

void check_option_lists(const Json& options) {
  for (const ListLimit& list : kOptionLists) {
    const auto value = options.find(list.name);
    if (!value) continue;
    check(count(*value, list.most) <= list.most, ErrorCode::limit,
          "{}: more than {} elements; a request may list so many", *value, list.most);
  }
}

}  // namespace transept::serve
