#include <dlfcn.h>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

#include "base/mutex.h"
#include "trainer/bag_module.h"

namespace dashi::trainer {
namespace {

constexpr const char* kModuleFile = "libdashi_torch.so";

// Where the module may lie, in the order of trial. The last entry leaves it to the loader.
std::vector<std::string> CandidatePaths(const std::string& path) {
  if (!path.empty()) {
    return {path};
  }
  std::vector<std::filesystem::path> folders;
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    folders.push_back(program.parent_path());
  }
  Dl_info self{};
  if (dladdr(reinterpret_cast<const void*>(&LoadTensorBackend), &self) != 0 &&
      self.dli_fname != nullptr) {
    folders.push_back(std::filesystem::path(self.dli_fname).parent_path());
  }
  std::vector<std::string> candidates;
  for (const auto& folder : folders) {
    for (const auto& candidate : {folder / kModuleFile, folder / ".." / "lib" / kModuleFile}) {
      if (std::filesystem::exists(candidate, error)) {
        candidates.push_back(candidate.string());
      }
    }
  }
  candidates.emplace_back(kModuleFile);
  return candidates;
}

Status Unavailable(const std::string& file, const std::string& reason) {
  return Status::Unavailable(fmt::format("cannot load the training module {}: {}", file, reason))
      .WithHint(
          "everything else works without it, queries of `bag` models too; training and queries of "
          "transformers need it: run ./run setup and ./run build, or install it beside the "
          "program");
}

Result<TensorBackend*> Load(const std::string& path) {
  const std::vector<std::string> candidates = CandidatePaths(path);
  const std::string& file = candidates.front();
  // The module stays loaded for ever: LibTorch cannot be unloaded.
  void* module = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    const char* reason = dlerror();
    return Unavailable(file, reason == nullptr ? "unknown reason" : reason);
  }
  using Factory = TensorBackend* (*)(std::uint32_t);
  const auto factory = reinterpret_cast<Factory>(dlsym(module, kTensorBackendSymbol));
  if (factory == nullptr) {
    return Unavailable(file, fmt::format("it has no symbol {}", kTensorBackendSymbol));
  }
  TensorBackend* backend = factory(kTensorBackendAbi);
  if (backend == nullptr) {
    return Unavailable(file, fmt::format("it was built for another version of dashi, want "
                                         "interface {}",
                                         kTensorBackendAbi));
  }
  return backend;
}

}  // namespace

Result<TensorBackend*> LoadTensorBackend(const std::string& path) {
  static Mutex mutex;
  static TensorBackend* backend = nullptr;
  MutexLock lock(mutex);
  if (backend == nullptr) {
    Result<TensorBackend*> loaded = Load(path);
    if (!loaded.ok()) {
      return loaded;
    }
    backend = *loaded;
  }
  return backend;
}

}  // namespace dashi::trainer
