#include "folder/prompts.h"

#include "base/error.h"
#include "base/lines.h"
#include "base/utf8.h"
#include "text/unicode.h"

namespace transept {
namespace {

// How much of two texts is the same, case aside: bytes of each.
struct Common {
  size_t of_prompt = 0;
  size_t of_wording = 0;
};

Common common_beginning(std::string_view prompt, std::string_view wording) {
  Common same;
  while (same.of_prompt < prompt.size() && same.of_wording < wording.size()) {
    const CodePoint a = decode_utf8(prompt, same.of_prompt);
    const CodePoint b = decode_utf8(wording, same.of_wording);
    if (!a.valid || lowercase(a.value) != lowercase(b.value)) break;
    same.of_prompt += static_cast<size_t>(a.size);
    same.of_wording += static_cast<size_t>(b.size);
  }
  return same;
}

// "Translate to Germanic" does not begin with the prompt "Translate to German".
bool begins_with_word(std::string_view text) {
  return !text.empty() && has(decode_utf8(text, 0).value, kRegexWord);
}

}  // namespace

Prompts::Prompts(const std::vector<NamedTask>& tasks) : first_wordings_(decoder_prompts(tasks)) {
  for (const NamedTask& task : tasks) {
    if (task.decoder_prompt.empty()) continue;
    wordings_.push_back(task.decoder_prompt);
    wordings_.insert(wordings_.end(), task.other_wordings.begin(), task.other_wordings.end());
  }
}

std::string_view Prompts::usual() const {
  return first_wordings_.empty() ? std::string_view() : first_wordings_.front();
}

std::string Prompts::spelled(std::string_view prompt) const {
  if (wordings_.empty()) return std::string(prompt);
  std::string beginning;
  std::string extended;
  size_t longest = 0;
  for (const std::string& wording : wordings_) {
    const Common same = common_beginning(prompt, wording);
    const std::string_view rest = prompt.substr(same.of_prompt);
    const bool is_whole = same.of_wording == wording.size();
    if (is_whole && is_blank(rest)) return wording;
    if (is_whole && !begins_with_word(rest) && wording.size() > longest) {
      longest = wording.size();
      extended = wording + std::string(rest);
    }
    if (rest.empty() && beginning.empty()) beginning = wording.substr(0, same.of_wording);
  }
  if (!extended.empty()) return extended;
  check(!beginning.empty(), ErrorCode::usage,
        "prompt \"{}\": this model does not know it; it knows {} (any prompt: --any-prompt, or "
        "\"any_prompt\" in a request)",
        prompt.substr(0, 200), [&] {
          std::string all;
          for (const std::string& known : first_wordings_)
            all += (all.empty() ? "\"" : ", \"") + known + "\"";
          return all;
        });
  return beginning;
}

}  // namespace transept
