#include "train/model_source.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "folder/loaded_model.h"
#include "io/checkpoint.h"
#include "io/import/import.h"
#include "train/initialize.h"
#include "train/presets.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

Token first_of(const Tokenizer& tokenizer, std::initializer_list<const char*> pieces) {
  for (const char* piece : pieces) {
    if (const auto id = tokenizer.find(piece)) return *id;
  }
  return -1;
}

Marks marks_of(const Tokenizer& tokenizer) {
  return {.size = tokenizer.size(),
          .bos = first_of(tokenizer, {"<s>", "<bos>", "[CLS]"}),
          .pad = first_of(tokenizer, {"<pad>", "[PAD]"}),
          .eos = first_of(tokenizer, {"</s>", "<eos>", "[SEP]"})};
}

// Half precision in, f32 out: config.json must not tell a reader otherwise.
std::string with_float32(std::string json) {
  for (const char* half : {"\"bfloat16\"", "\"float16\""}) {
    for (size_t at = 0; (at = json.find(half, at)) != std::string::npos;)
      json.replace(at, std::string(half).size(), "\"float32\"");
  }
  return json;
}

void set_config(TrainedModel& out, const OwnHead& own_head) {
  const JsonDocument document = JsonDocument::parse(out.config_json, "config.json");
  out.model.config = import_model(document.root(), own_head).config;
  check_config(out.model.config);
  out.parameters = std::make_unique<Parameters>(out.model);
}

void start_new(const TrainConfig& config, const Marks& marks, TrainedModel& out) {
  out.is_new = true;
  out.config_json = make_config_json(config, marks);
  const std::string& family = config.model.family;
  const bool own = family == "t5_v1_1" || (family != "gpt2" && !config.model.tied);
  set_config(out, [own](const std::string&, const std::vector<std::string>&) { return own; });
  out.generation_json = make_generation_json(config, out.model.config);
  initialize(*out.parameters, out.model.config, config.model.family, config.seed);
}

void start_from_model(const TrainConfig& config, ThreadPool& pool, TrainedModel& out) {
  const std::unique_ptr<LoadedModel> loaded = load_model(config.model.from, pool);
  const Checkpoint& checkpoint = loaded->checkpoint;
  check(checkpoint.model->config.has_decoder(), ErrorCode::unsupported,
        "{}: an encoder on its own has nothing to say; set model.encoder, which gives it a new "
        "decoder",
        config.model.from);
  out.config_json = with_float32(checkpoint.config_json);
  out.generation_json = checkpoint.generation_config_json;
  out.model.config = checkpoint.model->config;
  out.parameters = std::make_unique<Parameters>(out.model);
  copy_values(*checkpoint.model, "", *out.parameters);
}

void start_from_encoder(const TrainConfig& config, const Marks& marks, ThreadPool& pool,
                        TrainedModel& out) {
  const Checkpoint checkpoint = load_checkpoint(config.model.encoder, pool);
  const Config& given = checkpoint.model->config;
  check(given.has_encoder() && !given.has_decoder(), ErrorCode::unsupported,
        "{}: expected an encoder on its own (BERT, RoBERTa, XLM-RoBERTa)", config.model.encoder);
  out.is_new = true;
  out.config_json = make_encoder_decoder_json(config, marks, with_float32(checkpoint.config_json));
  set_config(out, {});
  out.generation_json = make_generation_json(config, out.model.config);
  initialize(*out.parameters, out.model.config, "bert", config.seed, "encoder.");
  copy_values(*checkpoint.model, "encoder.", *out.parameters);
}

}  // namespace

std::unique_ptr<TrainedModel> make_trained_model(const TrainConfig& config, ThreadPool& pool) {
  auto out = std::make_unique<TrainedModel>();
  out->tokenizer_folder = !config.tokenizer.folder.empty() ? config.tokenizer.folder
                          : !config.model.from.empty()     ? config.model.from
                                                           : config.model.encoder;
  out->tokenizer = load_tokenizer(out->tokenizer_folder);
  const Direction direction =
      LanguageTable(out->tokenizer.get(), {})
          .direction({config.tokenizer.source_language, config.tokenizer.target_language});
  if (!direction.codes.empty())
    out->tokenizer = load_tokenizer(
        out->tokenizer_folder,
        {.source_language = direction.codes.source, .target_language = direction.codes.target});
  if (!config.model.from.empty()) {
    start_from_model(config, pool, *out);
  } else if (!config.model.encoder.empty()) {
    start_from_encoder(config, marks_of(*out->tokenizer), pool, *out);
  } else {
    start_new(config, marks_of(*out->tokenizer), *out);
  }
  const int vocab = out->model.config.decoder.vocab;
  check(
      out->tokenizer->size() <= vocab, ErrorCode::mismatch,
      "{}: the tokenizer has {} tokens, the model {}",
      [&] { return out->tokenizer_folder.string(); }, [&] { return out->tokenizer->size(); },
      vocab);
  out->options = options_from_json(out->config_json, out->generation_json);
  if (direction.forced_bos) out->options.forced_bos = direction.forced_bos;
  return out;
}

void write_model_folder(const fs::path& folder, const TrainedModel& trained) {
  save_checkpoint(folder, trained.model, trained.config_json, trained.generation_json);
  std::error_code unknown;
  if (fs::equivalent(folder, trained.tokenizer_folder, unknown)) return;
  copy_tokenizer(trained.tokenizer_folder, folder);
  // A new model's class would look for its own tokenizer's files; this says what is there.
  if (trained.is_new && file_exists(folder / "tokenizer.json") &&
      !file_exists(folder / "tokenizer_config.json")) {
    write_file_atomic(folder / "tokenizer_config.json",
                      "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}\n");
  }
}

}  // namespace transept
