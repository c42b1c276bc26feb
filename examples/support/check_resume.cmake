# SPDX-License-Identifier: MIT
#
# A training that is killed at any step (SIGKILL, which nothing can catch) and resumed leaves the bytes
# of one that was not killed, at 1 and 2 threads: weights, statistics and log.
#
#   cmake -DPROGRAM=<train_sae> -DSCRATCH=<a folder to work in> -P check_resume.cmake

cmake_minimum_required(VERSION 3.25)
file(REMOVE_RECURSE "${SCRATCH}")
file(MAKE_DIRECTORY "${SCRATCH}")

# train(FOLDER THREADS STATUS OPTION...): STATUS is what the program must end with, a regular expression.
function(train folder threads wanted)
  execute_process(
    COMMAND "${PROGRAM}" ${common} --checkpoint-every 100 --threads ${threads} --out
            "${SCRATCH}/${folder}" ${ARGN}
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE message)
  if(NOT status MATCHES "${wanted}")
    message(FATAL_ERROR "${folder}, ${ARGN}: status ${status}, expected ${wanted}\n${message}")
  endif()
endfunction()

function(must_be_equal a b)
  file(SHA256 "${SCRATCH}/${a}" hash_a)
  file(SHA256 "${SCRATCH}/${b}" hash_b)
  if(NOT hash_a STREQUAL hash_b)
    message(FATAL_ERROR "${a} and ${b} differ")
  endif()
endfunction()

# Between them every part of a state: statistics, a revival's memory, a pre-bias, both optimisers' memory.
set(batch_top_k --encoder batch_top_k --pre-bias median --revival resample --silence 0.5 --clip 1)
set(jump_relu --encoder jump_relu --optimizer sgd --lambda-warmup 100 --learning-rate 0.01)
set(lista --encoder lista --layers 3 --train 0 --learning-rate-schedule cosine --optimizer adam_w)

foreach(kind batch_top_k jump_relu lista)
  set(common --dim 8 --atoms 16 --steps 500 --window 50 --test 256 --batch 256 --seed 5 ${${kind}})
  train(${kind} 1 "^0$")
  foreach(threads 1 2)
    set(folder ${kind}_${threads})
    # Before the first checkpoint, between two, at one, and after the last.
    train(${folder} ${threads} "illed|KILL|137" --kill-at 37)
    train(${folder} ${threads} "illed|KILL|137" --kill-at 263 --resume)
    train(${folder} ${threads} "illed|KILL|137" --kill-at 300 --resume)
    train(${folder} ${threads} "illed|KILL|137" --kill-at 499 --resume)
    train(${folder} ${threads} "^0$" --resume)
    must_be_equal(${kind}/model.safetensors ${folder}/model.safetensors)
    must_be_equal(${kind}/checkpoint.safetensors ${folder}/checkpoint.safetensors)
    # The log goes on as if nothing had happened; its last column is a clock's.
    foreach(log ${kind} ${folder})
      file(READ "${SCRATCH}/${log}/loss.csv" lines)
      string(REGEX REPLACE ",[^,\n]*\n" "\n" lines_${log} "${lines}")
    endforeach()
    if(NOT lines_${kind} STREQUAL lines_${folder})
      message(FATAL_ERROR "${folder}: loss.csv is not that of an uninterrupted training")
    endif()
    # Of another training it is refused.
    train(${folder} ${threads} "^2$" --resume --learning-rate 0.5)
  endforeach()
endforeach()
