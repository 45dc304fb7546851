#pragma once

#include <string>

namespace dashi::trainer {

/// A folder below tests/trainer/transformer/golden.
std::string GoldenFolder(const std::string& name);
/// A fresh folder of the test's own, with copies of the files of a golden folder.
std::string CopyOfGolden(const std::string& name, const std::string& copy);
std::string ReadBytes(const std::string& path);
void WriteBytes(const std::string& path, const std::string& bytes);

}  // namespace dashi::trainer
