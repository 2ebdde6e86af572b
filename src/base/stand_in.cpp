#include "base/stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace transept {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPointer = "version https://git-lfs.github.com/spec/";
constexpr const char* kGguf = "GGUF is not read: give the model in safetensors";

// Some bytes from the beginning of a file that may be anything.
// Error bad_data for a pipe or a device: nothing is waited for.
std::string head_of(const fs::path& path) {
  const InputFile file(path);
  std::string head(std::min(file.size(), size_t{1} << 16), '\0');
  file.read(0, std::as_writable_bytes(std::span(head)));
  return head;
}

// Of the folders in this one, sorted; at most a handful, for a message.
std::vector<std::string> folders_with(const fs::path& folder, const char* file) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (fs::exists(at->path() / file, error)) found.push_back(at->path().filename().string());
  }
  std::ranges::sort(found);
  if (found.size() > 5) found.resize(5);
  return found;
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

std::string lowered_head(std::string_view text) {
  std::string head(text.substr(0, 64));
  for (char& c : head) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  head.erase(0, std::min(head.find_first_not_of(" \t\r\n"), head.size()));
  return head;
}

void check_missing_path(const std::string& path) {
  if (path.find_first_of(" \n\t") != std::string::npos) {
    fail(ErrorCode::not_found, "{}: no such model folder; a text goes to --input", path);
  }
  const bool is_name = !path.empty() && std::ranges::count(path, '/') == 1 && path.front() != '.' &&
                       path.front() != '/' && path.front() != '~' && path.back() != '/';
  if (is_name) {
    const std::string name = path.substr(path.find('/') + 1);
    fail(ErrorCode::not_found,
         "{}: no such model folder; transept downloads nothing: fetch the model first "
         "(hf download {} --local-dir {}) and give its folder",
         path, path, name);
  }
}

[[noreturn]] void fail_for_file(const fs::path& path) {
  const std::string name = path.string();
  const std::string head = head_of(path);
  check_not_stand_in(head, name);
  check(head.find("\"transept memory\"") == std::string::npos, ErrorCode::not_found,
        "{}: a memory file, not a model: give the model that made it, and this file to --memory",
        name);
  check(path.extension() != ".safetensors", ErrorCode::not_found,
        "{}: a file, not a model folder: give the folder that holds it and its config.json", name);
  fail(ErrorCode::not_found,
       "{}: a file, not a model folder; expected a folder with config.json and *.safetensors",
       name);
}

void check_not_cache_top(const fs::path& folder) {
  const fs::path snapshots = folder / "snapshots";
  if (!folder_exists(snapshots)) return;
  std::vector<std::string> known = folders_with(snapshots, "config.json");
  const fs::path main = folder / "refs" / "main";
  if (file_exists(main)) {
    std::string name = head_of(main);
    name.resize(std::min(name.find_last_not_of(" \r\n") + 1, name.size()));
    if (std::ranges::find(known, name) != known.end()) known = {name};
  }
  check(known.empty(), ErrorCode::not_found,
        "{}: the top of a hub cache, not a model folder: give {}", folder.string(),
        [&] { return (snapshots / (known.size() == 1 ? known[0] : joined(known))).string(); });
}

void check_not_adapter(const fs::path& folder) {
  const fs::path config = folder / "adapter_config.json";
  if (!file_exists(config) && !file_exists(folder / "adapter_model.safetensors")) return;
  std::string base = "its base model";
  try {
    base = JsonDocument::load(config.string()).root().get("base_model_name_or_path", base.c_str());
  } catch (const Error&) {  // the message does without the name
  }
  fail(ErrorCode::unsupported,
       "{}: an adapter's weights, not a model's: merge them into {} (merge_and_unload, then "
       "save_pretrained) and give that folder",
       folder.string(), base);
}

// What else than model.safetensors a folder holds, and what to do about it.
std::optional<std::string> other_weights(const fs::path& folder) {
  constexpr std::string_view kBegin = "model.";
  constexpr std::string_view kEnd = ".safetensors";
  constexpr std::array kUnread = {"pytorch_model.bin", "pytorch_model.bin.index.json",
                                  "tf_model.h5", "flax_model.msgpack", "model.ckpt.index"};
  for (const fs::path& file : files_of(folder)) {
    const std::string name = file.filename().string();
    if (name.starts_with("model.safetensors.index.") && name.ends_with(".json")) {
      return fmt::format("only a variant, {}: rename it to model.safetensors.index.json", name);
    }
    if (name.starts_with(kBegin) && name.ends_with(kEnd)) {
      return fmt::format("only a variant, {}: rename it to model.safetensors", name);
    }
    if (name.starts_with("model-00001-of-") && name.ends_with(kEnd)) {
      return fmt::format("{} without model.safetensors.index.json, which says what is where", name);
    }
    if (file.extension() == ".gguf") return fmt::format("only {}: {}", name, kGguf);
  }
  for (const char* name : kUnread) {
    if (!file_exists(folder / name)) continue;
    return fmt::format(
        "only {}, which transept does not read: convert it to model.safetensors (save_pretrained "
        "of a current transformers does)",
        name);
  }
  return std::nullopt;
}

}  // namespace

void check_not_stand_in(std::string_view contents, std::string_view name) {
  check(!contents.starts_with(kPointer), ErrorCode::bad_data,
        "{}: a Git LFS pointer, not the file it stands for: fetch that (git lfs pull)", name);
  check(!contents.starts_with("GGUF"), ErrorCode::unsupported, "{}: {}", name, kGguf);
  if (!contents.starts_with('<') && !contents.starts_with('\n')) return;
  const std::string head = lowered_head(contents);
  check(!head.starts_with("<!doctype html") && !head.starts_with("<html"), ErrorCode::bad_data,
        "{}: a page of a web site, not the file that it is about: download that", name);
}

void check_not_stand_in_folder(const fs::path& path) {
  const std::string name = path.string();
  if (!folder_exists(path)) {
    std::error_code error;  // a link that leads nowhere is nothing
    if (fs::exists(path, error)) fail_for_file(path);
    return check_missing_path(name);
  }
  check_not_cache_top(path);
  if (file_exists(path / "model_index.json")) {
    fail(ErrorCode::unsupported,
         "{}: a pipeline of diffusers, not a model folder; its parts are the folders {}", name,
         joined(folders_with(path, "config.json")));
  }
  check_not_adapter(path);
  if (const std::optional<std::string> other = other_weights(path)) {
    fail(ErrorCode::unsupported, "{}: {}", name, *other);
  }
  const std::vector<std::string> below = folders_with(path, "config.json");
  check(below.empty(), ErrorCode::not_found,
        "{}: not a model folder, but of its folders these are: {}", name,
        [&] { return joined(below); });
}

}  // namespace transept
