// load_tokenizer(): looks at what a folder holds.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/stand_in.h"
#include "text/bpe.h"
#include "text/folder_config.h"
#include "text/pipeline.h"
#include "text/spm_family.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"
#include "text/vocab_files.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 8> kTokenizerFiles = {"tokenizer.json",
                                                             "tokenizer_config.json",
                                                             "special_tokens_map.json",
                                                             "added_tokens.json",
                                                             "vocab.json",
                                                             "target_vocab.json",
                                                             "vocab.txt",
                                                             "merges.txt"};

// The marks that multilingual tokenizers put around an input, as their classes in transformers 5.24
// do whatever tokenizer.json says.
void set_languages(PipelineParts& parts, const FolderConfig& config,
                   const TokenizerOptions& options) {
  const bool nllb = config.is_class("NllbTokenizer");
  const bool mbart = config.is_class("MBartTokenizer");
  const bool mbart50 = config.is_class("MBart50Tokenizer");
  parts.languages = parts.added.languages();
  if (parts.languages.empty()) return;
  if (parts.added.find(">>" + parts.languages.front().code + "<<")) {
    parts.language_marks = LanguageMarks::in_input;
    parts.target_language = options.target_language;
    return;
  }
  const auto named = config.named.find("eos_token");
  const std::string end_piece = named == config.named.end() ? "</s>" : named->second.content;
  const std::optional<Token> added = parts.added.find(end_piece);
  const std::optional<Token> end = added ? added : parts.model->find(end_piece);
  // Of an unknown class: the one special token of its template that is not the end mark.
  std::vector<Token> others = parts.post_processor.special_tokens();
  if (end) std::erase(others, *end);
  if (!end || (!nllb && !mbart && !mbart50 && others.size() != 1)) {
    parts.languages.clear();  // tokens like others: nothing says what becomes of them
    return;
  }
  parts.language_marks = LanguageMarks::each_side;
  if (mbart || (nllb && config.legacy_language_marks)) {
    parts.around = [e = *end](Token mark) { return PostProcessor::around({}, {e, mark}); };
  } else if (nllb || mbart50) {
    parts.around = [e = *end](Token mark) { return PostProcessor::around({mark}, {e}); };
  } else {
    parts.around = [post = parts.post_processor, other = others[0]](Token mark) {
      PostProcessor changed = post;
      changed.replace_special(other, mark);
      return changed;
    };
  }
  const bool known_class = nllb || mbart || mbart50;
  std::string own = known_class ? config.source_language : "";
  if (own.empty() && nllb) own = "eng_Latn";
  if (own.empty() && (mbart || mbart50)) own = "en_XX";
  parts.source_language = options.source_language.empty() ? own : options.source_language;
  // Without a target language of its own the target side has the source side's.
  parts.target_language =
      options.target_language.empty() ? parts.source_language : options.target_language;
}

// What a loader was asked for has to be there.
void check_languages(const Tokenizer& tokenizer, const TokenizerOptions& options) {
  for (const std::string& code : {options.source_language, options.target_language})
    if (!code.empty()) (void)language_token(tokenizer, code);
}

std::unique_ptr<Tokenizer> load_any(const fs::path& folder, const TokenizerOptions& options) {
  if (!folder_exists(folder) && !file_exists(folder)) {
    check_not_stand_in_folder(folder);
    fail(ErrorCode::not_found, "{}: no such folder", folder.string());
  }
  PipelineParts parts;
  if (const fs::path file = folder / "tokenizer.json"; file_exists(file)) {
    const FolderConfig config = read_folder_config(folder);
    parts = read_tokenizer_json(read_file(file, kMostVocabularyBytes), file.string());
    const bool bpe = dynamic_cast<const Bpe*>(parts.model.get()) != nullptr;
    parts.clean_up_spaces = config.clean_up_spaces && (!bpe || config.clean_up_spaces_even_bpe);
    set_languages(parts, config, options);
    return std::make_unique<Pipeline>(std::move(parts));
  }
  if (auto tokenizer = load_spm_family(folder, options)) return tokenizer;
  const FolderConfig config = read_folder_config(folder);
  if (const fs::path file = folder / "vocab.txt"; file_exists(file)) {
    parts = read_vocab_txt(read_file(file, kMostVocabularyBytes), file.string(), config);
    parts.clean_up_spaces = config.clean_up_spaces;
    return std::make_unique<Pipeline>(std::move(parts));
  }
  if (file_exists(folder / "vocab.json") && file_exists(folder / "merges.txt")) {
    parts = read_vocab_merges(read_file(folder / "vocab.json", kMostVocabularyBytes),
                              read_file(folder / "merges.txt", kMostVocabularyBytes),
                              folder.string(), config);
    return std::make_unique<Pipeline>(std::move(parts));
  }
  if (!file_exists(folder / "config.json")) check_not_stand_in_folder(folder);
  fail(ErrorCode::not_found,
       "{}: no tokenizer: expected tokenizer.json, a SentencePiece model, vocab.txt, or vocab.json "
       "with merges.txt",
       folder.string());
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& folder, const TokenizerOptions& options) {
  auto tokenizer = load_any(folder, options);
  check_languages(*tokenizer, options);
  return tokenizer;
}

void check_text_size(std::string_view text) {
  check(text.size() <= kMostEncodedBytes, ErrorCode::limit,
        "a text of {} bytes; at most {} MiB are tokenized at once, so break it into lines",
        text.size(), kMostEncodedBytes >> 20);
}

Token language_token(const Tokenizer& tokenizer, std::string_view code) {
  const std::span<const Language> languages = tokenizer.languages();
  const auto found = std::find_if(languages.begin(), languages.end(),
                                  [&](const Language& language) { return language.code == code; });
  check(found != languages.end(), ErrorCode::usage, "language \"{}\": {}", code.substr(0, 100),
        [&] {
          return languages.empty()
                     ? std::string(
                           "the tokenizer knows no codes of languages; say it in the input or "
                           "prompt, as the model was taught")
                     : fmt::format("none of the {} that the tokenizer has codes of, such as {}",
                                   languages.size(), languages.front().code);
        });
  return found->id;
}

void copy_tokenizer(const fs::path& from, const fs::path& to) {
  const bool is_one_file = !folder_exists(from);  // a SentencePiece model by itself
  for (const fs::path& file : is_one_file ? std::vector{from} : files_of(from)) {
    const std::string kind = file.extension().string();
    const std::string name = file.filename().string();
    const bool is_read = is_one_file || kind == ".spm" || kind == ".model" ||
                         std::ranges::find(kTokenizerFiles, name) != kTokenizerFiles.end();
    if (is_read) write_file_atomic(to / name, read_file(file, kMostVocabularyBytes));
  }
}

}  // namespace transept
