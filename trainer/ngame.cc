#include "trainer/ngame.h"

#include "base/status.h"
#include "trainer/ngame_checks.h"
#include "trainer/ngame_training.h"

namespace dashi::trainer {

Result<NgameModel> TrainNgame(const TrainingTask& task, const NgameOptions& options,
                              TensorBackend& backend, const TrainingControl& control) {
  DASHI_RETURN_IF_ERROR(CheckTask(task));
  DASHI_RETURN_IF_ERROR(CheckOptions(options));
  return NgameTraining(task, options, backend, control).Run();
}

}  // namespace dashi::trainer
