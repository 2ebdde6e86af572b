#include "text/metaspace.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/splitting.h"

namespace transept {

MetaspaceOptions read_metaspace(const Json& json) {
  MetaspaceOptions options;
  options.replacement = json.at("replacement").as_string();
  check(count_code_points(options.replacement) == 1, ErrorCode::bad_data,
        "{}: replacement \"{}\", expected one character", json, options.replacement);
  const std::string scheme = json.get("prepend_scheme", "always");
  if (scheme == "first") {
    options.prepend = Prepend::first;
  } else if (scheme == "never") {
    options.prepend = Prepend::never;
  } else {
    check(scheme == "always", ErrorCode::unsupported, "{}: prepend_scheme \"{}\"", json, scheme);
  }
  check(json.get("add_prefix_space", true) || options.prepend == Prepend::never,
        ErrorCode::bad_data, "{}: add_prefix_space is false but prepend_scheme is \"{}\"", json,
        scheme);
  options.split = json.get("split", true);
  return options;
}

void Metaspace::split(SplitText& text) const {
  const std::string& mark = options_.replacement;
  std::vector<bool> prepend(text.splits.size());
  for (size_t i = 0; i < text.splits.size(); ++i) {
    const Split& s = text.splits[i];
    const std::string_view view = text.view(s);
    const bool marked = view.starts_with(mark) || view.starts_with(' ');
    prepend[i] =
        !marked &&
        (options_.prepend == Prepend::always ||
         (options_.prepend == Prepend::first && text.text.origin(s.begin, s.end).begin == 0));
  }
  size_t index = 0;
  rewrite(text, [&](std::string_view view, TextEdit& edit) {
    while (text.splits[index].added >= 0) ++index;
    if (prepend[index++]) edit.insert_like_next(mark);
    for (size_t at = 0; at < view.size();) {
      const size_t space = std::min(view.find(' ', at), view.size());
      edit.keep(space - at);
      if (space == view.size()) break;
      edit.skip(1);
      edit.insert(mark);
      at = space + 1;
    }
  });
  if (options_.split) cut(text);
}

// Every mark begins a new word.
void Metaspace::cut(SplitText& text) const {
  const std::string& mark = options_.replacement;
  refine(text, [&](std::string_view view, size_t base, std::vector<Split>& out) {
    size_t begin = 0;
    while (begin < view.size()) {
      const size_t end = std::min(view.find(mark, begin + 1), view.size());
      out.push_back({base + begin, base + end, -1});
      begin = end;
    }
  });
}

}  // namespace transept
