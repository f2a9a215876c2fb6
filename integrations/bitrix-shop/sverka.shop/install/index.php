<?php
// Installs and removes the module: its table, its event handlers, its agent.

use Bitrix\Main\Application;
use Bitrix\Main\EventManager;
use Bitrix\Main\ModuleManager;

class sverka_shop extends CModule
{
    public $MODULE_ID = 'sverka.shop';
    public $MODULE_NAME = 'Сверка: заказы';
    public $MODULE_DESCRIPTION = 'Передаёт заказы магазина в Сверку, которая выставляет по ним счета.';
    public $PARTNER_NAME = 'Sverka';
    public $MODULE_VERSION;
    public $MODULE_VERSION_DATE;

    private const EVENTS = ['OnSaleOrderSaved' => 'onOrderSaved', 'OnSaleOrderDeleted' => 'onOrderDeleted'];
    private const AGENT = '\\Sverka\\Shop\\Handlers::agent();';

    public function __construct()
    {
        $arModuleVersion = [];
        include __DIR__ . '/version.php';
        $this->MODULE_VERSION = $arModuleVersion['VERSION'];
        $this->MODULE_VERSION_DATE = $arModuleVersion['VERSION_DATE'];
    }

    public function DoInstall(): void
    {
        Application::getConnection()->queryExecute(
            'CREATE TABLE IF NOT EXISTS b_sverka_shop_push ('
            . ' ID INT NOT NULL AUTO_INCREMENT PRIMARY KEY,'
            . ' DELIVERY CHAR(36) NOT NULL,'
            . ' BODY MEDIUMTEXT NOT NULL,'
            . ' CREATED_AT INT NOT NULL,'
            . ' ATTEMPTS INT NOT NULL,'
            . ' NEXT_AT INT NOT NULL,'
            . " STATE VARCHAR(10) NOT NULL DEFAULT 'waiting',"
            . " LAST_ERROR VARCHAR(255) NOT NULL DEFAULT '',"
            . ' KEY b_sverka_shop_push_due (STATE, NEXT_AT))'
        );
        ModuleManager::registerModule($this->MODULE_ID);
        $events = EventManager::getInstance();
        foreach (self::EVENTS as $event => $method) {
            $events->registerEventHandler('sale', $event, $this->MODULE_ID, '\\Sverka\\Shop\\Handlers', $method);
        }
        CAgent::AddAgent(self::AGENT, $this->MODULE_ID, 'N', 60);
    }

    public function DoUninstall(): void
    {
        CAgent::RemoveModuleAgents($this->MODULE_ID);
        $events = EventManager::getInstance();
        foreach (self::EVENTS as $event => $method) {
            $events->unRegisterEventHandler('sale', $event, $this->MODULE_ID, '\\Sverka\\Shop\\Handlers', $method);
        }
        ModuleManager::unRegisterModule($this->MODULE_ID);
        // The table stays: what was not sent yet is not ours to forget.
    }
}
