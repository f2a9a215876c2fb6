<?php
foreach (['signer', 'transport', 'queue', 'tablestore', 'snapshot', 'handlers'] as $file) {
    require_once __DIR__ . '/lib/' . $file . '.php';
}
