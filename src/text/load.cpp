// load_tokenizer(): looks at what a folder holds.
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
void set_language(PipelineParts& parts, const FolderConfig& config, const std::string& source,
                  const std::string& folder) {
  const bool nllb = config.is_class("NllbTokenizer");
  const bool mbart = config.is_class("MBartTokenizer");
  const bool mbart50 = config.is_class("MBart50Tokenizer");
  std::string language = source.empty() ? config.source_language : source;
  if (language.empty() && nllb) language = "eng_Latn";
  if (language.empty() && (mbart || mbart50)) language = "en_XX";
  if (language.empty() || (source.empty() && !nllb && !mbart && !mbart50)) return;
  const auto id_of = [&](const std::string& piece) {
    const std::optional<Token> added = parts.added.find(piece);
    const std::optional<Token> id = added ? added : parts.model->find(piece);
    check(id.has_value(), ErrorCode::usage, "{}: language \"{}\": the tokenizer has no such token",
          folder, piece);
    return *id;
  };
  const Token mark = id_of(language);
  const auto named = config.named.find("eos_token");
  const Token end = id_of(named == config.named.end() ? "</s>" : named->second.content);
  if (mbart || (nllb && config.legacy_language_marks)) {
    parts.post_processor = PostProcessor::around({}, {end, mark});
  } else if (nllb || mbart50) {
    parts.post_processor = PostProcessor::around({mark}, {end});
  } else {
    // Unknown class: the one special token of the template that is not the end mark.
    std::vector<Token> others = parts.post_processor.special_tokens();
    std::erase(others, end);
    check(others.size() == 1, ErrorCode::unsupported,
          "{}: language \"{}\": the tokenizer puts no language mark around its input", folder,
          language);
    parts.post_processor.replace_special(others[0], mark);
  }
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const fs::path& folder, const TokenizerOptions& options) {
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
    set_language(parts, config, options.source_language, folder.string());
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
