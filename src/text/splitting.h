// Ways to cut the pieces of a text into smaller ones.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/pattern.h"
#include "text/pre_tokenizers.h"

namespace transept {

// What becomes of a delimiter: "the-final--countdown" cut at "-".
enum class Delimiter {
  removed,      // the final countdown
  isolated,     // the - final - - countdown
  with_before,  // the- final- - countdown
  with_after,   // the -final - -countdown
  contiguous,   // the - final -- countdown
};
[[nodiscard]] Delimiter read_delimiter(const Json& json);

// A stretch of text that is a delimiter or lies between two.
struct Stretch {
  size_t begin = 0;
  size_t end = 0;
  bool is_match = false;
};

// Appends the splits that this treatment of the stretches gives; `base` is added to all places.
void add_splits(const std::vector<Stretch>& stretches, Delimiter delimiter, size_t base,
                std::vector<Split>& out);

// All of the text, as matches and what lies between.
[[nodiscard]] std::vector<Stretch> stretches_of(const std::vector<Match>& matches, size_t size,
                                                bool inverted);

// Replaces every split that is not an added token by what `f(view, begin, out)` appends.
template <class F>
void refine(SplitText& text, F&& f) {
  std::vector<Split> refined;
  refined.reserve(text.splits.size() + text.text.text().size() / 4);
  for (const Split& split : text.splits) {
    if (split.added >= 0) {
      refined.push_back(split);
    } else {
      f(text.view(split), split.begin, refined);
    }
  }
  text.splits = std::move(refined);
}

// Rewrites the text: `f(view, edit)` writes what stands in the place of a split that is not an
// added token, and consumes all of it. What belongs to no split is dropped.
template <class F>
void rewrite(SplitText& text, F&& f) {
  const std::string old = text.text.text();
  TextEdit edit(text.text);
  for (Split& split : text.splits) {
    const std::string_view view =
        std::string_view(old).substr(split.begin, split.end - split.begin);
    edit.move_to(split.begin);
    const size_t begin = edit.written();
    if (split.added >= 0) {
      edit.keep(view.size());
    } else {
      f(view, edit);
    }
    split.begin = begin;
    split.end = edit.written();
  }
  edit.move_to(old.size());
  edit.finish();
}

}  // namespace transept
