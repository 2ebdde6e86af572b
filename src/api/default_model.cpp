#include "api/default_model.h"

#include "api/implementation.h"
#include "base/error.h"

namespace transept::api {

std::filesystem::path default_model() {
  static const std::vector<EmbeddedFile> kFiles = [] {
    std::vector<EmbeddedFile> all = default_model_files();
    add_embedded_files(all);
    return all;
  }();
  check(!kFiles.empty(), ErrorCode::not_found,
        "this build has no embedded default model; name a model folder: transept VERB FOLDER …");
  return kFiles.front().folder;
}

}  // namespace transept::api
