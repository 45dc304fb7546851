#pragma once

namespace dashi::trainer {

/// Prints the speed of training steps and of encoding with a transformer of DistilBERT's shape,
/// beside the arithmetic that the GPU's matrix products reach. Needs a CUDA device.
void MeasureTransformers();

}  // namespace dashi::trainer
